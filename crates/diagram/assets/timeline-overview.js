// What is drawn where there is too much to draw each thing: how much there is on each lane.

const binWidth = 5;

function wentWrong(item) {
  return item.k === "denial" || item.bad || outcome(item.why) !== "" && item.k === "call"
    || item.text === "restart" || item.text === "failure" || item.copies.some((copy) => copy.bad);
}

/** Bars on each lane: as high as there are things that begin or arrive there, red for what went wrong. */
function overview(view, items, width) {
  const bins = new Map();
  let most = 1;
  const count = (lane, step, wrong) => {
    if (lane === undefined || step === undefined) return;
    const bin = Math.floor(view.x(step) / binWidth);
    if (bin < 0 || bin * binWidth > width) return;
    const key = lane * 100000 + bin;
    const counts = bins.get(key) || { lane, bin, all: 0, wrong: 0 };
    counts.all += 1;
    counts.wrong += wrong ? 1 : 0;
    most = Math.max(most, counts.all);
    bins.set(key, counts);
  };
  for (const item of items) {
    const wrong = wentWrong(item);
    count(item.from, item.sent ?? item.first, wrong);
    if (item.k !== "denial" && item.k !== "life") count(item.to, item.got, wrong);
    for (const copy of item.copies) count(copy.to, copy.got, copy.bad !== undefined);
  }
  const group = svg("g", { class: "overview" });
  const high = (number) => Math.log1p(number) / Math.log1p(most) * (view.rowHeight - 4);
  for (const { lane, bin, all, wrong } of bins.values()) {
    const bottom = view.y(lane) + view.rowHeight / 2 - 2;
    const bar = (number, cls) => group.append(svg("rect", {
      x: bin * binWidth, y: bottom - high(number), width: binWidth - 1, height: high(number), class: "much " + cls,
    }));
    bar(all, "cast");
    if (wrong) bar(wrong, "bad");
  }
  return group;
}
