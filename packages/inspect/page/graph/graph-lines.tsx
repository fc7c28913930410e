/** Who needs whom, as lines: all of them faintly, above them the critical path, what is held up, what is pointed at; and the gate. */
import { backend } from '../live/backend.ts';
import { route } from '../shell/route.ts';
import { criticalWay, isTrouble, layout, pointed, troubleWay, waysOf } from './picture.ts';

export function GraphLines() {
  const { width, height, top, solid, faint, gateX } = layout.value;
  const gate = backend.graph.value?.gate.state ?? '';
  const isAwaited = backend.isBooting.value && gate !== 'open';
  return (
    <svg
      class="lines"
      aria-hidden="true"
      viewBox={`0 ${top - 40} ${Math.max(1, width)} ${height + 80}`}
      width={Math.max(1, width)}
      height={height + 80}
      style={{ top: `${top - 40}px` }}
    >
      <path class="line" d={solid} />
      <path class="line faint" d={faint} />
      <CriticalLine />
      <TroubleLines />
      <SelectedLines />
      {gateX !== null && (
        <g class={`gate ${isAwaited ? 'awaited' : gate}`}>
          <path d={`M${gateX} ${top - 22}V${top + height + 22}`} />
          <text x={gateX} y={top - 28} text-anchor="middle">
            gate {gate}
          </text>
        </g>
      )}
    </svg>
  );
}

function CriticalLine() {
  return <path class="line critical" d={criticalWay.value} />;
}

function TroubleLines() {
  return <path class={`line ${isTrouble.value ? 'trouble' : 'held'}`} d={troubleWay.value} />;
}

/** Lines of what is pointed at, or else of what is open. */
function SelectedLines() {
  const id = pointed.value ?? route.value.id;
  if (id === null) return null;
  const { needs, neededBy } = waysOf(id);
  return <path class="line selected" d={needs + neededBy} />;
}
