/** The token of the thread store's port; the port itself stands in the contracts. */
import type { ThreadStore as ThreadStorePort } from '@muster/contracts';
import { token } from '@muster/core';

export interface ThreadStore extends ThreadStorePort {}
export const ThreadStore = token<ThreadStore>('ThreadStore');
