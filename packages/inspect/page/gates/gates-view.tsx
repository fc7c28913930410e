export function GatesView() {
  return <p class="empty">Soon.</p>;
}
