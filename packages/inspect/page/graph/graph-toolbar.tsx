/** Finds, hides and zooms; and leads to the same as a table. */
import { hrefOf } from '../shell/route.ts';
import type { Camera } from './camera.ts';
import { hidesHealthy, isMeant, layout, search, showsValues } from './picture.ts';

/** By how much a press of a button or a key zooms. */
export const STEP = 1.25;

export function GraphToolbar({ camera }: { readonly camera: Camera }) {
  return (
    <div class="toolbar">
      <input
        type="search"
        placeholder="Find a service"
        aria-label="Find a service"
        value={search.value}
        onInput={({ currentTarget }) => {
          search.value = currentTarget.value;
        }}
        onKeyDown={(event) => {
          const found = event.key === 'Enter' ? [...layout.peek().places.keys()].find(isMeant) : undefined;
          if (found === undefined) return;
          // The same key must not press what is in focus then.
          event.preventDefault();
          camera.focus(found);
        }}
      />
      <Toggle name="Hide the healthy" of={hidesHealthy} />
      <Toggle name="Values" of={showsValues} />
      <a class="as-list" href={hrefOf('services')}>
        As a table
      </a>
      <span class="zoom">
        <button type="button" aria-label="Zoom out" onClick={() => camera.zoom(1 / STEP)}>
          −
        </button>
        <button type="button" aria-label="Zoom in" onClick={() => camera.zoom(STEP)}>
          +
        </button>
        <button type="button" onClick={() => camera.fit()}>
          Fit
        </button>
      </span>
    </div>
  );
}

function Toggle({ name, of }: { readonly name: string; readonly of: { value: boolean } }) {
  return (
    <label class="toggle">
      <input
        type="checkbox"
        checked={of.value}
        onChange={({ currentTarget }) => {
          of.value = currentTarget.checked;
        }}
      />
      {name}
    </label>
  );
}
