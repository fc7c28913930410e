/** One event in full: its data, and when each socket was handed it and acknowledged it. */
import { useEffect, useRef } from 'preact/hooks';
import type { RunEventLine } from '../../src/live/overview.ts';
import { bytes, clockTime, count, duration } from '../text/amount.ts';

interface Props {
  readonly event: RunEventLine;
  /** Who has opened it with a key goes on in it. */
  readonly takesFocus: boolean;
  readonly onClose: () => void;
}

export function EventPanel({ event, takesFocus, onClose }: Props) {
  const { n, event: name, at, offset, bytes: size, tool, data, sockets } = event;
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    panel.current?.scrollTo(0, 0);
    if (takesFocus) panel.current?.focus();
  }, [n]);
  return (
    <aside
      class="panel"
      ref={panel}
      tabIndex={-1}
      aria-label={`Event ${n}`}
      onKeyDown={({ key }) => {
        if (key === 'Escape') onClose();
      }}
    >
      <button class="close plain" type="button" onClick={onClose}>
        Close
      </button>
      <article class="detail">
        <h3>
          {n} · {name}
        </h3>
        <dl class="facts">
          {tool !== null && <Fact name="Tool">{tool}</Fact>}
          <Fact name="At">{clockTime(at, true)}</Fact>
          <Fact name="Offset in the stream">{count(offset)}</Fact>
          <Fact name="Size">{bytes(size)}</Fact>
        </dl>
        <section>
          <h4>Sockets</h4>
          {sockets.length === 0 && <p class="soft">Nobody listens.</p>}
          <dl class="facts">
            {sockets.map(({ connection, sentAt, ackedAt }) => (
              <Fact key={connection} name={connection}>
                {sentAt === null ? 'not sent' : `sent ${duration(Math.max(0, sentAt - at))}`}
                {', '}
                {ackedAt === null ? (
                  <span class="warn">not acked</span>
                ) : (
                  `acked ${duration(Math.max(0, ackedAt - at))}`
                )}
              </Fact>
            ))}
          </dl>
        </section>
        <section>
          <h4>Data</h4>
          {data === null ? (
            <p class="soft">Hidden: this instance shows no payloads.</p>
          ) : (
            <pre class="text">{indented(data)}</pre>
          )}
        </section>
      </article>
    </aside>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="num">{children}</dd>
    </div>
  );
}

/** What is no JSON, because it was cut off, is shown as it is. */
function indented(data: string): string {
  try {
    return JSON.stringify(JSON.parse(data), null, 2);
  } catch {
    return data;
  }
}
