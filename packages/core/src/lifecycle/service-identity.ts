/** What a service is, apart from how it is doing. */
import type { ReadyHook } from '../declare/registration.ts';
import type { Service } from '../declare/service-contract.ts';
import type { GraphNode } from '../graph/graph-node.ts';
import type { Candidate } from '../state/candidate.ts';
import type { ServiceSettings } from './service-settings.ts';

export interface ServiceIdentity {
  readonly node: GraphNode;
  readonly instance: Service;
  readonly settings: ServiceSettings;
  readonly hooks: readonly ReadyHook[];
  /** Of a leader service: what stands for it. */
  readonly candidate: Candidate | undefined;
}
