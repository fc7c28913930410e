export function RunsView() {
  return <p class="empty">Soon.</p>;
}
