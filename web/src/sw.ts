// The service worker shows push messages and opens what they are about, and keeps
// the page that sends a report, so that one can be written without a network. It
// keeps nothing else: what a city knows is fresh or not shown.
declare const self: any;

const kept = "report";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (e: any) => e.waitUntil(self.clients.claim()));

// The page asks for itself to be kept: as anybody sees it, so that no name stays.
self.addEventListener("message", (e: any) => {
  const { keep, assets } = e.data ?? {};
  if (typeof keep !== "string" || !Array.isArray(assets)) return;
  e.waitUntil((async () => {
    const page = await fetch(keep, { credentials: "omit", headers: { Accept: "text/html" } });
    if (!page.ok) return;
    const text = await page.clone().text();
    const all = new Set<string>([...assets, ...(text.match(/\/assets\/[\w.-]+/g) ?? [])].filter((a) => !/\/(map|mapworker|mapstyle)-/.test(a)));
    const cache = await caches.open(kept);
    for (const a of all) if (!(await cache.match(a, { ignoreVary: true }))) await cache.add(a);
    await cache.put("/report", page);
    for (const old of await cache.keys()) {
      const path = new URL(old.url).pathname;
      if (path !== "/report" && !all.has(path)) await cache.delete(old);
    }
    e.ports[0]?.postMessage("kept");
  })());
});

self.addEventListener("fetch", (e: any) => {
  const r = e.request as Request, path = new URL(r.url).pathname;
  if (r.method !== "GET") return;
  const found = (what: string | Request) => caches.open(kept).then((c) => c.match(what, { ignoreVary: true }));
  if (r.mode === "navigate" && path === "/report") e.respondWith(fetch(r).catch(async () => (await found("/report")) ?? Response.error()));
  else if (path.startsWith("/assets/")) e.respondWith(found(r).then((hit) => hit ?? fetch(r)));
});

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
