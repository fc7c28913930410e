export function TimelineView() {
  return <p class="empty">Soon.</p>;
}
