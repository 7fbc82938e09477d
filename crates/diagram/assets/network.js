// Lights up what belongs together, and tells the details of an arrow.

const net = document.getElementById("net");
const all = (selector) => [...net.querySelectorAll(selector)];

/** Lights up these arrows and the nodes at their ends, besides `node`. */
function light(arrows, node) {
  const nodes = new Set(node === undefined ? [] : [node]);
  for (const arrow of arrows) {
    arrow.classList.add("on");
    nodes.add(arrow.dataset.from).add(arrow.dataset.to);
  }
  for (const shape of all(".node")) shape.classList.toggle("on", nodes.has(shape.dataset.node));
  net.classList.add("focus");
}

function unlight() {
  net.classList.remove("focus");
  for (const arrow of all(".edge.on")) arrow.classList.remove("on");
}

function tell(edge, event) {
  const unused = edge.count === 0 && edge.denied === 0;
  showTip(edge.via, [
    ["who", data.nodes[edge.from]], ["whom", data.nodes[edge.to]],
    ["messages", unused ? "allowed, unused" : edge.count || undefined], ["rate", edge.rate],
    ["failed", edge.failed || undefined], ["denied", edge.denied || undefined],
  ], event.clientX, event.clientY);
}

net.addEventListener("pointermove", (event) => {
  unlight();
  hideTip();
  const node = event.target.closest(".node"), edge = event.target.closest(".edge");
  if (node) {
    const number = node.dataset.node;
    light(all(`.edge[data-from="${number}"], .edge[data-to="${number}"]`), number);
    showTip(data.nodes[number], [
      ["sends to", all(`.edge[data-from="${number}"]`).length || undefined],
      ["hears from", all(`.edge[data-to="${number}"]`).length || undefined],
    ], event.clientX, event.clientY);
  } else if (edge) {
    light(all(`.edge[data-edge="${edge.dataset.edge}"]`));
    tell(data.edges[edge.dataset.edge], event);
  }
});
net.addEventListener("pointerleave", () => { unlight(); hideTip(); });
for (const row of document.querySelectorAll("tr[data-edge]")) {
  row.addEventListener("pointerenter", () => { unlight(); light(all(`.edge[data-edge="${row.dataset.edge}"]`)); });
  row.addEventListener("pointerleave", unlight);
}
