export function NewsView() {
  return <p class="empty">Soon.</p>;
}
