export function ConnectionsView() {
  return <p class="empty">Soon.</p>;
}
