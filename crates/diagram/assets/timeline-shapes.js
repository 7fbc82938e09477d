// Draws one thing with its strokes, marks and labels into an SVG group.

const space = "http://www.w3.org/2000/svg";

function svg(tag, attributes, text) {
  const made = document.createElementNS(space, tag);
  for (const name in attributes) made.setAttribute(name, attributes[name]);
  if (text !== undefined) made.textContent = text;
  return made;
}

const heads = {
  full: "M0,0 L-9,-4 L-9,4 Z",
  open: "M-8,-4.5 L0,0 L-8,4.5",
  cross: "M-5,-4 L3,4 M-5,4 L3,-4",
};

/** The shapes of marks around 0,0; those in `hollow` are strokes. */
const marks = {
  denied: "M-5.5,0 A5.5,5.5 0 1 0 5.5,0 A5.5,5.5 0 1 0 -5.5,0 M-3.9,3.9 L3.9,-3.9",
  timeout: "M-5.5,0 A5.5,5.5 0 1 0 5.5,0 A5.5,5.5 0 1 0 -5.5,0 M0,-3.4 L0,0 L2.6,1.6",
  cancel: "M-4,-4 L4,4 M-4,4 L4,-4",
  load: "M0,-5 L5,4 L-5,4 Z",
  unload: "M0,5 L5,-4 L-5,-4 Z",
  restart: "M1.5,-7 L-4,1 L-0.5,1 L-1.5,7 L4,-1 L0.5,-1 Z",
  failure: "M-4.5,-4.5 H4.5 V4.5 H-4.5 Z",
  note: "M0,-4.5 L4.5,0 L0,4.5 L-4.5,0 Z",
  nobody: "M-4,0 A4,4 0 1 0 4,0 A4,4 0 1 0 -4,0",
};
const hollow = ["denied", "timeout", "cancel", "note", "nobody"];

/** Draws into `group`; `view` has x(step), y(lane), rowHeight, labels and lines. */
class Pen {
  constructor(view, group) {
    this.view = view;
    this.group = group;
  }

  path(d, cls) {
    this.group.append(svg("path", { d, class: "stroke " + (cls || "") }), svg("path", { d, class: "hit" }));
  }

  head(shape, x, y, angle, cls) {
    const solid = shape === "full" ? "fill " : "stroke ";
    this.group.append(svg("path", {
      d: heads[shape], class: solid + (cls || ""), transform: `translate(${x},${y}) rotate(${angle})`,
    }));
  }

  /** From one place to another; on one lane a bow above it. */
  arrow(x1, y1, x2, y2, shape, cls) {
    if (y1 === y2) {
      const right = Math.max(x2, x1 + 18), rise = Math.min(26, this.view.rowHeight * 0.7);
      this.path(`M${x1},${y1} C${x1},${y1 - rise} ${right},${y1 - rise} ${right},${y1 - 4}`, cls);
      if (shape) this.head(shape, right, y1 - 2, 82, (cls || "").replace(/dashed|dotted/, ""));
      return;
    }
    this.path(`M${x1},${y1} L${x2},${y2}`, cls);
    this.view.lines.push([x1, y1, x2, y2]);
    if (shape) {
      const angle = Math.atan2(y2 - y1, x2 - x1) * 180 / Math.PI;
      this.head(shape, x2, y2, angle, (cls || "").replace(/dashed|dotted/, ""));
    }
  }

  /** The beginning of a way whose end is not known, or the end of one whose beginning is not. */
  stub(x1, y1, x2, y2, shape, cls, fromEnd) {
    const part = Math.min(0.45, 34 / Math.max(1, Math.abs(y2 - y1)));
    if (fromEnd) this.arrow(x2 - 12, y2 + (y1 - y2) * part, x2, y2, shape, "dotted " + (cls || ""));
    else this.arrow(x1, y1, x1 + 12, y1 + (y2 - y1) * part, shape, "dotted " + (cls || ""));
  }

  mark(kind, x, y, cls) {
    const style = hollow.includes(kind) ? "stroke " : "fill ";
    const at = `translate(${x},${y})`;
    if (kind !== "cancel" && hollow.includes(kind)) {
      this.group.append(svg("circle", { cx: x, cy: y, r: 5.5, style: "fill:var(--back)" }));
    }
    this.group.append(svg("path", { d: marks[kind], transform: at, class: style + (cls || "") }),
      svg("circle", { cx: x, cy: y, r: 9, class: "spot" }));
  }

  /** `side`: above (-1) or below (1) its place only. */
  label(x, y, text, cls, weight, side) {
    if (text) this.view.labels.push({ x, y, text, cls, weight, side, group: this.group });
  }

  /** A way from lane to lane; what is not known of it is left open. */
  way(item, from, to, sent, got, lost, shape, cls) {
    const { x, y } = this.view;
    if (to === undefined || from === undefined) {
      const known = from === undefined ? to : from, step = sent ?? got ?? lost;
      if (known !== undefined && step !== undefined) this.mark("nobody", x(step), y(known), cls);
    } else if (sent !== undefined && got !== undefined) {
      this.arrow(x(sent), y(from), x(got), y(to), shape, cls);
    } else if (sent !== undefined && lost !== undefined) {
      this.arrow(x(sent), y(from), x(lost), y(to), "cross", "dashed bad");
    } else if (sent !== undefined) {
      this.stub(x(sent), y(from), 0, y(to), null, cls);
    } else if (got !== undefined) {
      this.stub(0, y(from), x(got), y(to), shape, cls, true);
    } else if (lost !== undefined) {
      this.mark("cancel", x(lost), y(to), "bad");
    }
  }

  wrong(bad, lane, came) {
    if (bad && lane !== undefined) {
      const x = this.view.x(bad.at), y = this.view.y(lane);
      if (came) this.mark("cancel", x, y, "bad");
      this.label(x, y, (bad.dead ? "dead letter: " : "error: ") + bad.why, "bad", 3);
    }
  }

  cast(item) {
    this.way(item, item.from, item.to, item.sent, item.got, item.bad && item.bad.at, "open");
    this.wrong(item.bad, item.to, item.got !== undefined);
    this.beside(item, item.size);
  }

  publish(item) {
    const { x, y } = this.view;
    if (item.sent !== undefined && item.from !== undefined) {
      if (item.copies.length === 0) this.mark("nobody", x(item.sent), y(item.from));
      else this.group.append(svg("circle", { cx: x(item.sent), cy: y(item.from), r: 3, class: "fill" }));
    }
    for (const copy of item.copies) {
      this.way(item, item.from, copy.to, item.sent, copy.got, copy.bad && copy.bad.at, "open");
      this.wrong(copy.bad, copy.to, copy.got !== undefined);
    }
    this.beside(item, item.text);
  }

  call(item) {
    const { x, y } = this.view, { from, to, end } = item;
    const how = outcome(item.why), last = item.back ?? end ?? item.cancelled;
    if (from !== undefined && item.sent !== undefined && last !== undefined) {
      const d = `M${x(item.sent)},${y(from)} H${x(last)}`;
      this.group.append(svg("path", { d, class: "wait" }), svg("path", { d, class: "hit" }));
    }
    const heard = item.got !== undefined && to !== undefined;
    if (heard && end !== undefined) {
      const high = Math.min(12, this.view.rowHeight * 0.4);
      const bar = { x: x(item.got), y: y(to) - high / 2, width: Math.max(2, x(end) - x(item.got)), height: high, rx: 2 };
      this.view.bars.push([bar.x, bar.y, bar.x + bar.width, bar.y + high]);
      this.group.append(svg("rect", { ...bar, class: "bar" }), svg("rect", { ...bar, class: "spot" }));
    }
    this.way(item, from, to, item.sent, item.got, undefined, "full");
    if (end !== undefined && to !== undefined && (how === "" || (how === "bad" && heard))) {
      const back = item.back ?? end;
      if (from !== undefined) {
        this.arrow(x(end), y(to), x(back), y(from), how ? "cross" : "open", "dashed " + how);
        if (how) this.label(x(back), y(from), item.why, "bad", 3);
      }
    } else if ((end ?? item.cancelled) !== undefined && (from ?? to) !== undefined) {
      const at = x(item.cancelled ?? end), row = y(from ?? to);
      this.mark(item.why === "timeout" ? "timeout" : "cancel", at, row, how || "late");
      this.label(at, row, item.why || "cancelled", how || "late", 3);
    }
    this.wrong(item.bad, from, true);
    this.beside(item, item.size);
  }

  denial(item) {
    if (item.from === undefined) return;
    const { x, y } = this.view, at = x(item.sent), row = y(item.from);
    if (item.to !== undefined && item.to !== item.from) this.stub(at, row, 0, y(item.to), "cross", "bad");
    this.mark("denied", at, row, "bad");
    this.label(at, row, label(item), "bad", 3);
  }

  life(item) {
    if (item.from === undefined) return;
    const cls = item.text === "restart" || item.text === "failure" ? "bad" : "life";
    this.mark(item.text, this.view.x(item.sent), this.view.y(item.from), cls);
    if (cls === "bad") this.label(this.view.x(item.sent), this.view.y(item.from), label(item), cls, 4);
  }

  note(item) {
    const x = this.view.x(item.sent);
    this.mark("note", x, item.from === undefined ? this.view.top / 2 + 9 : this.view.y(item.from), item.text === "dropped" ? "late" : "");
    if (item.text === "dropped") this.label(x, this.view.top, label(item), "late", 4);
  }

  /** What it is, where there is room. */
  beside(item, text) {
    if (this.view.rowHeight < 56 || item.sent === undefined || item.from === undefined) return;
    const to = item.to ?? (item.copies && item.copies[0] && item.copies[0].to);
    const down = to === undefined || to >= item.from;
    const what = item.k === "publish" ? text : item.k + (text ? " " + text : "");
    this.label(this.view.x(item.sent), this.view.y(item.from), what, item.k, 1, down ? 1 : -1);
  }
}
