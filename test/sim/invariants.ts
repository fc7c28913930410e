/**
 * What must be so after each step of a simulation, and at its end.
 *
 * Each has a name, and `mutants.ts` has for each name an engine without the mechanism that keeps it. More of them are
 * looked at in `world.ts`, at the moment of a call or an event.
 */
import { parseGraphDump } from '@muster/contracts';
import type { World } from './world.ts';

/** Looks at everything once; cheap enough for every step. */
export function checkStep(world: World): void {
  const { app, model } = world;
  if (model.gate === 'open' && !world.isInDoubt && !model.gateMayBeOpen()) {
    world.violate('gate open means closure ready', 'the gate is open while something behind it is not ready');
  }
  for (const { holder, to, ref } of world.refs) {
    if ((ref.current !== undefined) !== model.ready(to)) {
      world.violate('a Ref shows what is ready', `${holder} ${ref.current === undefined ? 'misses' : 'sees'} ${to}`);
    }
  }
  for (const { permit, opening } of world.permits) {
    if (permit.live !== (model.gate === 'open' && opening === world.openings)) {
      world.violate('permits die with their opening', `one of opening ${opening} is ${permit.live ? 'live' : 'dead'}`);
    }
  }
  if (app.gate.state !== model.gate) {
    world.violate('dump equals state', `the gate is ${app.gate.state} and was told to be ${model.gate}`);
  }
  world.looks += 1;
  // The dump is the dearest look, so not every step has one.
  if (world.looks % 4 === 0) checkDump(world);
}

function checkDump(world: World): void {
  const { model } = world;
  const { nodes } = world.app.graph().toJSON();
  for (const node of nodes) {
    const told = model.node(node.id);
    if (told === undefined) continue;
    const health = node.health === 'unchecked' ? 'healthy' : node.health;
    if (node.phase !== told.phase || (node.phase === 'running' && health !== told.health)) {
      const shown = `${node.phase} and ${node.health}`;
      world.violate('dump equals state', `${node.id} is shown ${shown}, and was told ${told.phase} and ${told.health}`);
    }
    const before = world.generations.get(node.id) ?? 0;
    const actor = world.actor(node.id);
    if (node.generation < before || (actor.sketch.has.start && node.generation !== actor.tries.length)) {
      const counted = `${before} before, ${actor.tries.length} starts`;
      world.violate('generations only grow', `${node.id} has generation ${node.generation}; ${counted}`);
    }
    world.generations.set(node.id, node.generation);
  }
  const looked = nodes[world.story.length % nodes.length];
  if (looked === undefined) return;
  const causes = model.causes(looked.id).join();
  if (looked.blockedBy.join() !== causes) {
    world.violate(
      'dump equals state',
      `${looked.id} is shown blocked by ${looked.blockedBy.join()}, and is by ${causes}`,
    );
  }
}

/** Looks at an app that runs and has been left in peace for a while: whatever could recover has. */
export function checkCalm(world: World): void {
  const { model } = world;
  for (const node of model.nodes) {
    const isLost = node.phase === 'failed' || node.phase === 'skipped';
    if (node.essential && !isLost && !model.ready(node.id) && !lostBelow(world, node.id)) {
      world.violate('what can recover does', `${node.id} is ${node.phase} and ${node.health} after a long calm`);
    }
  }
  if (model.gate !== 'open' && model.gateMayBeOpen()) {
    world.violate('what can recover does', 'everything is ready, and the gate is closed after a long calm');
  }
}

/** True when something below it is lost for good: nothing can be expected of it then. */
function lostBelow(world: World, id: string): boolean {
  return world.model.node(id).edges.some(({ to, kind }) => {
    const { phase } = world.model.node(to);
    return kind === 'needs' && (phase === 'failed' || phase === 'skipped' || lostBelow(world, to));
  });
}

/** Looks at an app that has ended. */
export function checkEnd(world: World): void {
  for (const actor of world.actors) {
    if (actor.sketch.has.stop && actor.sketch.has.start && actor.isEntered) {
      world.violate('stop iff start', `${actor.id} was started and not stopped after it`);
    }
  }
  for (const actor of world.actors) {
    if (actor.cameLate && actor.sketch.has.stop) {
      world.violate('what came too late is stopped', `${actor.id} started after it was given up, and was left so`);
    }
  }
  const left = world.clock.pending - world.ownTimers;
  if (left > 0) world.violate('nothing is left behind', `${left} timers of the engine are still set`);
  try {
    parseGraphDump(JSON.stringify(world.app.graph()));
  } catch (error) {
    world.violate('dump equals state', `the dump is none: ${String(error)}`);
  }
}
