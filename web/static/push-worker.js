/* Shows what the server pushes, and opens the record it is about. Nothing is cached and no page is touched. */
self.addEventListener("push", (event) => {
  const told = event.data ? event.data.json() : {};
  event.waitUntil(self.registration.showNotification(told.title || "Dougong", { body: told.body || "", tag: told.tag || "", data: { url: told.url || "/" } }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data.url, self.location.origin).href;
  event.waitUntil(self.clients.matchAll({ type: "window", includeUncontrolled: true }).then((open) => {
    const here = open.find((page) => page.url === url);
    return here ? here.focus() : self.clients.openWindow(url);
  }));
});
