// The chart: what is in sight is drawn, at each scroll and zoom anew.

const byId = (id) => document.getElementById(id);
const scroll = byId("scroll"), chart = byId("chart"), names = byId("names"), room = byId("room");
// Beside the first and after the last step there is room for marks and texts.
const top_ = 30, pad = 26, tail = 120, mostDrawn = 1500, widest = 8e6;
const kinds = [["cast", "cast"], ["call", "call"], ["publish", "publish"], ["denial", "denied"],
  ["life", "came, crashed, went"], ["note", "subscriptions, grants"]];
const state = { toScale: false, zoom: 1, hidden: new Set(), follow: null };
let at, from, until, reach, rowHeight = 40, width = 0;

/** All steps of a thing. */
function stepsOf(item) {
  const steps = [item.sent, item.got, item.cancelled, item.end, item.back, item.bad && item.bad.at];
  for (const copy of item.copies || []) steps.push(copy.got, copy.bad && copy.bad.at);
  return steps.filter((step) => step !== undefined);
}

for (const item of data.items) {
  item.copies = item.copies || [];
  item.why = item.why || "";
  item.text = item.text || "";
  const steps = stepsOf(item);
  item.first = Math.min(...steps);
  item.last = Math.max(...steps);
}

/** How wide each step is at least: what is only a mark needs less room, unless it has one beside it. */
function weights() {
  const all = new Float32Array(data.times.length).fill(0.3);
  let before = null;
  for (const item of data.items) {
    const isMark = item.k === "life" || item.k === "note";
    if (!isMark || before === item.from) for (const step of stepsOf(item)) all[step] = 1;
    before = isMark ? item.from : null;
  }
  return all;
}

function place() {
  at = positions(data.times, weights(), state.toScale);
  from = data.items.map((item) => at[item.first]);
  until = data.items.map((item) => at[item.last]);
  reach = [];
  until.forEach((end, i) => reach.push(Math.max(end, i ? reach[i - 1] : end)));
}

function whole() {
  return at.length ? at[at.length - 1] : 0;
}

function fitting() {
  return (width - pad - tail) / Math.max(whole(), 1e-9);
}

/** Zooms around a place in the window. */
function zoomTo(zoom, around) {
  const most = Math.min(widest / Math.max(whole(), 1e-9), state.toScale ? 4000 : 160);
  const next = Math.min(Math.max(zoom, Math.min(fitting(), most)), most);
  const here = (scroll.scrollLeft + around - pad) / state.zoom;
  state.zoom = next;
  room.style.width = Math.max(width, whole() * next + pad + tail) + "px";
  scroll.scrollLeft = here * next + pad - around;
  draw();
}

function start() {
  const fit = fitting();
  zoomTo(state.toScale ? fit : Math.min(Math.max(fit, 9), 90), 0);
}

function layout() {
  const lanes = Math.max(1, data.lanes.length);
  const free = innerHeight - byId("picture").getBoundingClientRect().top - scrollY - top_ - 60;
  rowHeight = Math.max(20, Math.min(150, free / lanes));
  const height = top_ + rowHeight * lanes + 6;
  names.replaceChildren();
  names.setAttribute("height", height);
  const texts = data.lanes.map((name, i) => {
    const text = svg("text", { x: 12, y: y(i) + 4, class: "name" }, name);
    names.append(text);
    text.append(svg("title", {}, name));
    return text;
  });
  const clock = svg("text", { x: 12, y: 19, class: "tick" }, data.times.length ? moment(0).slice(0, 12) + " UTC" : "");
  names.append(clock);
  const widths = texts.concat(clock).map((text) => text.getComputedTextLength());
  const nameWidth = Math.ceil(Math.min(260, Math.max(90, ...widths)) + 24);
  texts.forEach((text, i) => {
    let name = data.lanes[i];
    while (text.getComputedTextLength() > nameWidth - 22 && name.length > 4) {
      name = name.slice(0, -1);
      text.firstChild.textContent = name + "…";
    }
  });
  names.setAttribute("width", nameWidth);
  for (let i = 0; i < lanes; i += 2) {
    names.prepend(svg("rect", { x: 0, y: y(i) - rowHeight / 2, width: nameWidth, height: rowHeight, class: "stripe" }));
  }
  width = scroll.clientWidth;
  chart.setAttribute("width", width);
  chart.setAttribute("height", height);
}

function y(lane) {
  return top_ + rowHeight * (lane + 0.5);
}

function x(step) {
  return pad + at[step] * state.zoom - scroll.scrollLeft;
}

function followed(item) {
  return state.follow === null || state.follow === keyOf(item);
}

function keyOf(item) {
  return item.trace || item.request || item;
}

/** The things in sight: in time, and of kinds that are shown. */
function inSight() {
  const left = (scroll.scrollLeft - pad - 60) / state.zoom, right = (scroll.scrollLeft + width) / state.zoom;
  const all = [];
  for (let i = firstFrom(reach, left); i < data.items.length && from[i] <= right; i++) {
    if (until[i] >= left && !state.hidden.has(data.items[i].k)) all.push(data.items[i]);
  }
  return all;
}

function draw() {
  const view = { x, y, rowHeight, top: top_, labels: [], lines: [], bars: [] };
  const back = svg("g", {});
  data.lanes.forEach((_, i) => {
    if (i % 2 === 0) back.append(svg("rect", { x: 0, y: y(i) - rowHeight / 2, width, height: rowHeight, class: "stripe" }));
    back.append(svg("path", { d: `M0,${y(i)} H${width}`, class: "rail" }));
  });
  drawTicks(back);
  const items = inSight();
  const crowded = items.length > mostDrawn;
  byId("hint").textContent = crowded
    ? `${items.length} things are in sight, too many to draw each. Higher bars are more of them, red ones went wrong. Zoom in, or click where.`
    : "Point at something to see its details; click it to follow its trace. Zoom with + and −, or with Ctrl and the wheel.";
  if (crowded) {
    chart.replaceChildren(back, overview(view, items, width));
    return;
  }
  const groups = items.map((item) => {
    const group = svg("g", { class: `item ${item.k}${followed(item) ? "" : " dim"}` });
    group.item = item;
    new Pen(view, group)[item.k](item);
    return group;
  });
  const labels = svg("g", {});
  chart.replaceChildren(back, ...groups, labels);
  placeLabels(view, labels);
}

function drawTicks(back) {
  const tick = (left, text) => {
    if (left > width - 30) return;
    back.append(svg("path", { d: `M${left},${top_ - 6} V${chart.getAttribute("height")}`, class: "grid" }),
      svg("text", { x: left, y: 19, class: "tick", "text-anchor": "middle" }, text));
  };
  const last_ = data.times[data.times.length - 1];
  const first = scroll.scrollLeft - pad, room_ = last_ >= 60e6 ? 112 : 84;
  if (state.toScale) {
    const unit = round(room_ / state.zoom * 1000);
    const begin = Math.max(0, Math.floor(first / state.zoom * 1000 / unit));
    for (let i = begin; i * unit / 1000 * state.zoom - first < width + room_; i++) {
      tick(i * unit / 1000 * state.zoom - first, timeText(i * unit, unit));
    }
    return;
  }
  let last = -Infinity, shown = null;
  const backed = firstFrom(at, (first - 300) / state.zoom);
  for (let i = backed; i < at.length && x(i) < width + room_; i++) {
    if (x(i) - last >= room_ && data.times[i] !== shown) {
      tick(x(i), timeText(data.times[i], 1));
      last = x(i);
      shown = data.times[i];
    }
  }
}

/** Puts each label where nothing else is, the weightiest first; there may be no room. */
function placeLabels(view, into) {
  const taken = view.bars;
  const ruler = document.createElement("canvas").getContext("2d");
  ruler.font = "600 11px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
  view.labels.sort((one, other) => other.weight - one.weight);
  const crowded = view.lines.length > 600;
  for (const label of view.labels.slice(0, 400)) {
    const long = ruler.measureText(label.text).width, strict = label.weight < 3;
    if (strict && crowded) continue;
    const places = [[9, -9], [9, 18], [-9 - long, -9], [-9 - long, 18]].filter(([, dy]) => !(dy * label.side < 0));
    const spot = places.map(([dx, dy]) => ({ x: label.x + dx, y: label.y + dy }))
      .map((spot) => ({ ...spot, box: [spot.x - 2, spot.y - 11, spot.x + long + 2, spot.y + 3] }))
      .filter(({ box }) => box[0] > 2 && box[2] < width - 2 && box[1] > 1)
      .find(({ box }) => !taken.some((other) => overlap(box, other))
        && !(strict && view.lines.some((line) => crosses(line, box))));
    if (!spot) continue;
    taken.push(spot.box);
    const dim = label.group.classList.contains("dim") ? " dim" : "";
    const group = svg("g", { class: label.cls + dim });
    group.append(svg("text", { x: spot.x, y: spot.y, class: "label mark" }, label.text));
    into.append(group);
  }
}

function overlap(one, other) {
  return one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
}

/** Whether a line goes through a box: cut off at its left, right, upper and lower side. */
function crosses([x1, y1, x2, y2], [left, upper, right, lower]) {
  let low = 0, high = 1;
  for (const [from, by, least, most] of [[x1, x2 - x1, left, right], [y1, y2 - y1, upper, lower]]) {
    if (by === 0) {
      if (from < least || from > most) return false;
      continue;
    }
    const one = (least - from) / by, other = (most - from) / by;
    low = Math.max(low, Math.min(one, other));
    high = Math.min(high, Math.max(one, other));
  }
  return low <= high;
}

function drawLegend() {
  const sample = (cls, inner) => {
    const picture = svg("svg", { width: inner.length > 1 ? 34 : 20, height: 14, class: cls, "aria-hidden": "true" });
    picture.append(...inner);
    return picture;
  };
  const line = (shape, cls) => [svg("path", { d: "M2,7 H30", class: "stroke " + cls }),
    svg("path", { d: heads[shape], transform: "translate(31,7)", class: shape === "full" ? "fill" : "stroke" })];
  const mark = (kind) => [svg("path", { d: marks[kind], transform: "translate(10,7)", class: hollow.includes(kind) ? "stroke" : "fill" })];
  const samples = {
    cast: line("open", ""), call: line("full", ""), publish: line("open", ""), denial: mark("denied"),
    life: mark("restart"), note: mark("note"),
  };
  for (const [kind, text] of kinds) {
    if (!data.items.some((item) => item.k === kind)) continue;
    const label = element("label", "");
    const box = element("input", "");
    box.type = "checkbox";
    box.checked = true;
    box.addEventListener("change", () => {
      if (box.checked) state.hidden.delete(kind); else state.hidden.add(kind);
      draw();
    });
    label.append(box, sample(kind === "life" ? "bad" : kind, samples[kind]), text);
    byId("legend").append(label);
  }
  const still = (cls, inner, text) => {
    const label = element("label", "");
    label.className = "still";
    label.append(sample(cls, inner), text);
    byId("legend").append(label);
  };
  if (data.items.some((item) => item.k === "call")) {
    still("call", line("open", "dashed"), "answer");
    still("late", mark("timeout"), "timeout, cancel");
  }
  still("bad", mark("cancel"), "error, dead letter");
}

let waiting = false;
function soon() {
  if (!waiting) requestAnimationFrame(() => { waiting = false; draw(); });
  waiting = true;
}

function itemAt(event) {
  const group = event.target.closest && event.target.closest(".item");
  return group ? group.item : undefined;
}

function follow(item) {
  state.follow = item && state.follow !== keyOf(item) ? keyOf(item) : null;
  draw();
}

scroll.addEventListener("scroll", () => { hideTip(); soon(); });
chart.addEventListener("pointermove", (event) => {
  const item = itemAt(event);
  if (item) showTip(...details(item), event.clientX, event.clientY); else hideTip();
});
chart.addEventListener("pointerleave", hideTip);
chart.addEventListener("click", (event) => {
  if (chart.querySelector(".overview")) zoomTo(state.zoom * 4, event.clientX - scroll.getBoundingClientRect().left);
  else follow(itemAt(event));
});
scroll.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoomTo(state.zoom * Math.exp(-event.deltaY / 300), event.clientX - scroll.getBoundingClientRect().left);
}, { passive: false });
byId("in").addEventListener("click", () => zoomTo(state.zoom * 1.5, width / 2));
byId("out").addEventListener("click", () => zoomTo(state.zoom / 1.5, width / 2));
byId("fit").addEventListener("click", () => zoomTo(0, 0));
byId("axis").addEventListener("click", () => {
  state.toScale = !state.toScale;
  byId("axis").setAttribute("aria-pressed", state.toScale);
  place();
  start();
});
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "+" || event.key === "=") zoomTo(state.zoom * 1.5, width / 2);
  else if (event.key === "-") zoomTo(state.zoom / 1.5, width / 2);
  else if (event.key === "0") zoomTo(0, 0);
  else if (event.key === "Escape") follow(undefined);
});
addEventListener("resize", () => { layout(); zoomTo(state.zoom, 0); });

drawLegend();
place();
layout();
start();
