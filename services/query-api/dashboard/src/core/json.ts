// JSON as it was written: every number keeps its digits, every name its place, doubles included. JSON.parse loses them.

export interface Node {
  kind: "object" | "array" | "string" | "number" | "literal";
  /** The text of a value without children, as it was written. */
  raw: string;
  children: { name: string | number; node: Node }[];
}

const DEEPEST = 500;
const STRING = /"(?:[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERAL = /true|false|null/y;
const BLANK = /[ \t\r\n]*/y;

/** The tree of a JSON text (RFC 8259); null where it is none. */
export function parse(text: string): Node | null {
  const reader = new Reader(text);
  try {
    const node = reader.value(0);
    return reader.ended() ? node : null;
  } catch (error) {
    if (error instanceof NoJson) return null;
    throw error;
  }
}

class NoJson extends Error {}

class Reader {
  #at = 0;

  constructor(readonly text: string) {}

  value(depth: number): Node {
    if (depth > DEEPEST) throw new NoJson();
    this.#take(BLANK);
    const found = this.#begin(depth);
    this.#take(BLANK);
    return found;
  }

  ended(): boolean {
    return this.#at === this.text.length;
  }

  #begin(depth: number): Node {
    switch (this.text[this.#at]) {
      case "{":
        return { kind: "object", raw: "", children: this.#list("}", () => this.#member(depth)) };
      case "[": {
        let index = 0;
        return { kind: "array", raw: "", children: this.#list("]", () => ({ name: index++, node: this.value(depth + 1) })) };
      }
      case '"':
        return leaf("string", this.#need(STRING));
      case "t":
      case "f":
      case "n":
        return leaf("literal", this.#need(LITERAL));
      default:
        return leaf("number", this.#need(NUMBER));
    }
  }

  #member(depth: number): Node["children"][number] {
    this.#take(BLANK);
    const name = JSON.parse(this.#need(STRING)) as string;
    this.#take(BLANK);
    this.#expect(":");
    return { name, node: this.value(depth + 1) };
  }

  #list(end: string, one: () => Node["children"][number]): Node["children"] {
    const found: Node["children"] = [];
    this.#at++;
    this.#take(BLANK);
    if (this.text[this.#at] === end) {
      this.#at++;
      return found;
    }
    for (;;) {
      found.push(one());
      if (this.text[this.#at] === end) {
        this.#at++;
        return found;
      }
      this.#expect(",");
    }
  }

  #expect(character: string): void {
    if (this.text[this.#at++] !== character) throw new NoJson();
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #need(pattern: RegExp): string {
    const found = this.#take(pattern);
    if (!found) throw new NoJson();
    return found;
  }
}

const leaf = (kind: Node["kind"], raw: string): Node => ({ kind, raw, children: [] });

/** What cannot be seen or changes the order of reading is written as an escape: controls, marks of direction, blanks without width. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, (one) =>
    `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
