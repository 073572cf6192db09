const store = () => {
  const held = new Map();
  return { getItem: (key) => held.get(key) ?? null, setItem: (key, value) => held.set(key, value), removeItem: (key) => held.delete(key) };
};
Object.assign(globalThis, {
  localStorage: store(),
  sessionStorage: store(),
  location: { pathname: "/", search: "", hash: "", origin: "http://ocpplog.test" },
  history: {
    pushState: (_, __, to) => Object.assign(location, { pathname: to.split("?")[0], search: to.includes("?") ? `?${to.split("?")[1]}` : "" }),
    replaceState: (...parameters) => history.pushState(...parameters),
  },
  matchMedia: () => ({ matches: false, addEventListener: () => undefined }),
  addEventListener: () => undefined,
  document: { documentElement: { dataset: {} }, hidden: true },
  requestAnimationFrame: (run) => setTimeout(run, 0),
});
Object.defineProperty(globalThis, "navigator", { value: { languages: ["en-GB"] }, configurable: true });
// Timers of modules must not keep the tests alive.
const every = globalThis.setInterval;
globalThis.setInterval = (...parameters) => every(...parameters).unref();
