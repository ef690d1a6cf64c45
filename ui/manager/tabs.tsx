/** Tabs are links: each has its address. */
export function Tabs({ items }: { items: [text: string, address: string, active: boolean][] }) {
  return (
    <nav class="tabs">
      {items.map(([text, address, active]) => (
        <a key={address} href={address} aria-current={active ? "page" : undefined}>
          {text}
        </a>
      ))}
    </nav>
  );
}
