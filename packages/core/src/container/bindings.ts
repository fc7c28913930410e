/**
 * The bindings of a container, which only a plugin gets to see, and what a container plans while somebody resolves.
 */
import type { Binding } from '@inversifyjs/core';
import { Plugin, type PluginApi, type PluginContext } from '@inversifyjs/plugin';
import type { Container, ServiceIdentifier } from 'inversify';

interface Insight {
  readonly context: PluginContext;
  /** Told of every service that is asked for by itself, while somebody listens. */
  asked: ((key: ServiceIdentifier) => void) | undefined;
}

const insights = new WeakMap<Container, Insight>();

/** Keeps what a container hands to its plugins: the only way to its bindings. */
class BindingsReader extends Plugin<Container> {
  override load(api: PluginApi): void {
    const insight: Insight = { context: this._context, asked: undefined };
    insights.set(this._container, insight);
    api.onPlan(({ serviceIdentifier }) => insight.asked?.(serviceIdentifier));
  }
}

function insightOf(container: Container): Insight {
  if (!insights.has(container)) container.register(BindingsReader);
  return insights.get(container) as Insight;
}

/** Everything bound in `container`, by its key, in the order of binding. */
export function bindingsOf(container: Container): Binding<unknown>[] {
  const { bindingService } = insightOf(container).context;
  return [...bindingService.getBoundServices()].flatMap((key) => [...(bindingService.get(key) ?? [])]);
}

/** Does `work`, and returns the keys that were asked for meanwhile, directly or by `context.get`. */
export function observeAsked(container: Container, work: () => void): Set<ServiceIdentifier> {
  const insight = insightOf(container);
  const asked = new Set<ServiceIdentifier>();
  // A plan that the container remembers is not made again, and nobody would hear of it.
  insight.context.planResultCacheService.clearCache();
  insight.asked = (key) => asked.add(key);
  try {
    work();
  } finally {
    insight.asked = undefined;
  }
  return asked;
}
