export function RunDetail({ run }: { readonly run: string }) {
  return <p class="empty">{run}</p>;
}
