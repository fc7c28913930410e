/** What a service is, apart from how it is doing. */
import type { ReadyHook } from '../declare/registration.ts';
import type { Service } from '../declare/service-contract.ts';
import type { Candidate } from '../state/candidate.ts';
import type { ServiceSettings } from './service-settings.ts';

export interface ServiceIdentity {
  readonly id: string;
  readonly instance: Service;
  readonly settings: ServiceSettings;
  readonly hooks: readonly ReadyHook[];
  readonly isTask: boolean;
  /** An external system that all replicas use. */
  readonly shared: boolean;
  /** False for what is only wanted as optional. */
  readonly essential: boolean;
  /** Of a leader service: what stands for it. */
  readonly candidate?: Candidate | undefined;
}
