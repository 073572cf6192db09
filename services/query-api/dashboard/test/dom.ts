// As much of a document as Preact draws into, and the API behind it.

import { type ComponentChild, render } from "preact";

class FakeNode {
  parentNode: FakeNode | null = null;
  childNodes: FakeNode[] = [];
  attributes: Record<string, string> = {};
  listeners: Record<string, (event: object) => void> = {};
  style = { setProperty: () => undefined };
  data = "";

  constructor(
    readonly nodeType: number,
    readonly localName = "",
  ) {}

  get nodeName(): string {
    return this.localName;
  }

  get firstChild(): FakeNode | null {
    return this.childNodes[0] ?? null;
  }

  get nextSibling(): FakeNode | null {
    return this.parentNode?.childNodes[this.parentNode.childNodes.indexOf(this) + 1] ?? null;
  }

  get textContent(): string {
    return this.data + this.childNodes.map(({ textContent }) => textContent).join("");
  }

  insertBefore(node: FakeNode, before: FakeNode | null): FakeNode {
    node.parentNode?.removeChild(node);
    this.childNodes.splice(before ? this.childNodes.indexOf(before) : this.childNodes.length, 0, node);
    node.parentNode = this;
    return node;
  }

  appendChild(node: FakeNode): FakeNode {
    return this.insertBefore(node, null);
  }

  removeChild(node: FakeNode): FakeNode {
    this.childNodes.splice(this.childNodes.indexOf(node), 1);
    node.parentNode = null;
    return node;
  }

  remove(): void {
    this.parentNode?.removeChild(this);
  }

  contains(node: FakeNode | null): boolean {
    return node === this || this.childNodes.some((child) => child.contains(node));
  }

  setAttribute(name: string, value: string): void {
    this.attributes[name] = String(value);
  }

  removeAttribute(name: string): void {
    delete this.attributes[name];
  }

  addEventListener(name: string, listener: (event: object) => void): void {
    this.listeners[name] = listener;
  }

  removeEventListener(name: string): void {
    delete this.listeners[name];
  }

  querySelector(): null {
    return null;
  }

  focus(): void {}

  *all(): Generator<FakeNode> {
    yield this;
    for (const child of this.childNodes) yield* child.all();
  }
}

Object.assign(document, {
  createElement: (name: string) => new FakeNode(1, name),
  createElementNS: (_: string, name: string) => new FakeNode(1, name),
  createTextNode: (text: string) => Object.assign(new FakeNode(3), { data: text }),
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
});
Object.assign(globalThis, {
  removeEventListener: () => undefined,
  cancelAnimationFrame: clearTimeout,
  ResizeObserver: class {
    constructor(readonly changed: (entries: { contentRect: { width: number } }[]) => void) {}
    observe = () => this.changed([{ contentRect: { width: 1000 } }]);
    disconnect = () => undefined;
  },
});

/** Until effects have run, and what they asked for is drawn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
}

export interface Shown {
  text: () => string;
  /** How many elements have this class. */
  count: (name: string) => number;
  click: (text: string) => Promise<void>;
  draw: (child: ComponentChild) => Promise<void>;
  end: () => void;
}

export async function show(child: ComponentChild): Promise<Shown> {
  const root = new FakeNode(1, "div");
  const into = root as unknown as Element;
  const draw = async (next: ComponentChild) => {
    render(next, into);
    await settle();
  };
  await draw(child);
  return {
    text: () => root.textContent,
    count: (name) => [...root.all()].filter((node) => String((node as unknown as { className?: string }).className ?? node.attributes.class ?? "").split(" ").includes(name)).length,
    click: async (text) => {
      const button = [...root.all()].find((node) => node.localName === "button" && node.textContent.trim() === text);
      if (!button) throw new Error(`no button "${text}" in: ${root.textContent}`);
      const listener = Object.entries(button.listeners).find(([name]) => name.toLowerCase() === "click")![1];
      listener.call(button, { type: "click", currentTarget: button, target: button });
      await settle();
    },
    draw,
    end: () => render(null, into),
  };
}

export interface Asked {
  path: string;
  query: URLSearchParams;
  answer: (body: unknown) => Promise<void>;
  fail: (status: number) => Promise<void>;
  readonly aborted: boolean;
}

/** Stands in for the API: what is asked waits here for its answer, unless `usual` has one. */
export function api(usual: (path: string) => unknown = () => undefined): Asked[] {
  const asked: Asked[] = [];
  globalThis.fetch = ((url: string, { signal }: RequestInit) =>
    new Promise((resolve, reject) => {
      const [path, query] = url.split("?");
      const give = (body: unknown, status: number) => {
        resolve(new Response(JSON.stringify(body), { status }));
        return settle();
      };
      signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
      const known = usual(path!);
      if (known !== undefined) return void give(known, 200);
      asked.push({
        path: path!,
        query: new URLSearchParams(query),
        answer: (body) => give(body, 200),
        fail: (status) => give({ type: "urn:ocpplog:problem:query-too-slow", title: "", status, detail: "" }, status),
        get aborted() {
          return signal?.aborted ?? false;
        },
      });
    })) as typeof fetch;
  return asked;
}
