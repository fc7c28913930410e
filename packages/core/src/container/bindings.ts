/**
 * The bindings of a container, which only a plugin gets to see, and what a container plans while somebody resolves.
 */
import { type Binding, bindingTypeValues } from '@inversifyjs/core';
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
  const all: Binding<unknown>[] = [];
  for (const key of bindingService.getBoundServices()) {
    for (const binding of bindingService.get(key) ?? []) all.push(binding);
  }
  return all;
}

/**
 * Notes what the dynamic bindings of a container ask for while they are made, directly or by `context.get`, each its own
 * also where one asks for another.
 *
 * @returns by binding id the keys asked for so far, and how to stop noting.
 */
export function observeDynamic(container: Container): {
  readonly asked: ReadonlyMap<number, ReadonlySet<ServiceIdentifier>>;
  readonly end: () => void;
} {
  const insight = insightOf(container);
  const asked = new Map<number, Set<ServiceIdentifier>>();
  const being: Set<ServiceIdentifier>[] = [];
  const undo: (() => void)[] = [];
  for (const binding of bindingsOf(container)) {
    if (binding.type !== bindingTypeValues.DynamicValue) continue;
    const { value } = binding;
    const watched = binding as { -readonly [K in keyof typeof binding]: (typeof binding)[K] };
    undo.push(() => (watched.value = value));
    watched.value = (context) => {
      const mine = asked.get(binding.id) ?? new Set();
      asked.set(binding.id, mine);
      being.push(mine);
      // A plan that the container remembers is not made again, and nobody would hear of it.
      insight.context.planResultCacheService.clearCache();
      try {
        return value(context);
      } finally {
        being.pop();
      }
    };
  }
  insight.asked = (key) => being.at(-1)?.add(key);
  return {
    asked,
    end: () => {
      insight.asked = undefined;
      for (const each of undo) each();
    },
  };
}
