// The service worker shows push messages and opens what they are about. It keeps
// nothing but a note for when the network is gone: what a city knows is fresh or
// not shown.
declare const self: any;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (e: any) => e.waitUntil(self.clients.claim()));

self.addEventListener("push", (e: any) => {
  const m = e.data?.json() ?? {};
  const mark: Record<string, string> = { high: "◆ ", medium: "▲ ", low: "■ " };
  e.waitUntil(self.registration.showNotification((mark[m.severity] ?? "") + (m.title ?? "Hương"), {
    body: m.body, tag: m.tag || m.id, lang: m.lang, requireInteraction: m.severity === "high", data: { link: m.link },
  }));
});

self.addEventListener("notificationclick", (e: any) => {
  e.notification.close();
  const link = String(e.notification.data?.link ?? "/notices");
  const to = new URL(link.startsWith("/") && !link.startsWith("//") ? link : "/notices", self.location.origin).href;
  e.waitUntil((async () => {
    for (const tab of await self.clients.matchAll({ type: "window" })) {
      if (tab.url === to) return tab.focus();
    }
    return self.clients.openWindow(to);
  })());
});
export {};
