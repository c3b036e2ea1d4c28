// What HTML cannot say by itself: who hears server events, where the focus goes when a list is replaced, how rows glide
// to their new places, which titles were picked, and the charts. Without any of it the pages still work.
(() => {
  "use strict";
  const trouble = document.getElementById("trouble");
  let hears = false;

  const say = (message) => {
    trouble.textContent = message;
    trouble.hidden = false;
    clearTimeout(say.timer);
    say.timer = setTimeout(() => { trouble.hidden = true; }, 8000);
  };
  const on = (name, act) => document.addEventListener(name, act);

  // -- server events: a page that hears them asks for no list of its own
  on("htmx:sseOpen", () => { hears = true; document.documentElement.dataset.hears = "events"; });
  const deaf = () => { hears = false; delete document.documentElement.dataset.hears; };
  on("htmx:sseError", deaf);
  on("htmx:sseClose", deaf);
  on("htmx:configRequest", (event) => { if (hears) event.detail.headers["X-Hears"] = "events"; });
  on("htmx:responseError", (event) => say(event.detail.xhr.responseText.slice(0, 300) || "That did not work."));
  on("htmx:sendError", () => say("The server does not answer. Is it still running?"));

  // -- the list: remember places and focus before it is replaced, and put both right afterwards
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let before = null;
  const rowsOf = (person) => [...person.querySelectorAll(".row[data-item]")];
  const remember = (person) => {
    const focused = person.contains(document.activeElement) ? document.activeElement : null;
    const places = new Map(rowsOf(person).map((row) => [row.dataset.item, row.getBoundingClientRect().top]));
    const row = focused && focused.closest(".row, .events li");
    const list = row && row.parentElement;
    before = {
      places,
      focus: focused && { inRows: Boolean(row && row.matches(".row")), at: list ? [...list.children].indexOf(row) : 0, mark: focused.value || "" },
    };
  };
  const refocus = (person, was) => {
    const rows = [...person.querySelectorAll(was.inRows ? ".row" : ".events li")];
    const row = rows[Math.min(was.at, rows.length - 1)];
    const buttons = row ? [...row.querySelectorAll("button")] : [];
    const found = buttons.find((button) => was.mark && button.value === was.mark) || buttons[0] || person.querySelector("h2");
    if (found) found.focus({ preventScroll: true });
  };
  const glide = (person, places) => {
    if (still.matches) return;
    for (const row of rowsOf(person)) {
      const was = places.get(row.dataset.item);
      const moved = was === undefined ? 0 : was - row.getBoundingClientRect().top;
      if (moved) row.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], { duration: 380, easing: "cubic-bezier(.2,.7,.2,1)" });
    }
  };
  const mark = () => {
    const said = new Map([...document.querySelectorAll("[data-said]")].reverse().map((one) => [one.dataset.said, one.dataset.type]));
    for (const pick of document.querySelectorAll("[data-pick]")) {
      const type = said.get(pick.dataset.pick);
      pick.classList.toggle("liked", type === "like");
      pick.classList.toggle("disliked", type === "dislike" || type === "dismiss");
      for (const button of pick.querySelectorAll("button.mark")) {
        button.setAttribute("aria-pressed", String(button.value === type || (button.value === "dislike" && type === "dismiss")));
      }
    }
  };
  const settled = (person) => {
    if (before) {
      if (before.focus && !person.contains(document.activeElement)) refocus(person, before.focus);
      glide(person, before.places);
      before = null;
    }
    mark();
  };
  const isPerson = (element) => element && element.id === "person";
  on("htmx:sseBeforeMessage", (event) => { if (isPerson(event.target)) remember(event.target); });
  on("htmx:sseMessage", (event) => { if (isPerson(event.target)) settled(event.target); });
  on("htmx:beforeSwap", (event) => { if (isPerson(event.detail.target)) remember(event.detail.target); });
  on("htmx:afterSettle", (event) => { if (isPerson(event.detail.target)) settled(event.detail.target); else mark(); });
  mark();

  // -- charts
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const axis = (more) => ({
    stroke: colour("--soft"), font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif",
    grid: { stroke: colour("--rule"), width: 1 }, ticks: { show: false }, ...more,
  });
  const legend = {
    markers: { fill: (plot, place) => { const found = plot.series[place].stroke; return typeof found === "function" ? found(plot, place) : found; } },
  };
  const widthOf = (element) => {
    const style = getComputedStyle(element);
    return Math.max(240, element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
  };
  const draw = (element, make) => {
    const chart = { plot: null };
    const fresh = () => {
      if (chart.plot) chart.plot.destroy();
      chart.plot = make(widthOf(element));
    };
    fresh();
    new ResizeObserver(() => {
      const width = widthOf(element);
      if (chart.plot && chart.plot.width !== width) chart.plot.setSize({ width, height: chart.plot.height });
    }).observe(element);
    dark.addEventListener("change", fresh);
    return chart;
  };

  const curve = document.getElementById("curve");
  if (curve && window.uPlot) {
    const shots = JSON.parse(curve.dataset.shots);
    const lines = JSON.parse(curve.dataset.lines);
    const places = shots.map((k) => Math.log2(1 + k));
    draw(curve, (width) => {
      const series = [{ label: "events known", value: (_plot, place) => (place == null ? "" : String(Math.round(2 ** place - 1))) }];
      const data = [places];
      const bands = [];
      for (const line of lines) {
        const stroke = line.ours ? colour("--accent") : line.colour;
        if (line.ours) {
          series.push({ show: true, label: "", class: "unseen", stroke: "transparent", points: { show: false } }, { label: "", class: "unseen", stroke: "transparent", points: { show: false } });
          bands.push({ series: [data.length, data.length + 1], fill: stroke + "26" });
          data.push(line.high, line.low);
        }
        series.push({
          label: line.label, stroke, width: line.ours ? 3 : 1.5, spanGaps: true,
          points: { show: true, size: line.ours ? 8 : 5, fill: stroke },
          value: (_plot, value) => (value == null ? "" : value.toFixed(3)),
        });
        data.push(line.mean);
      }
      return new uPlot({
        width, height: width < 500 ? 300 : 360, series, bands, legend,
        scales: { x: { time: false, range: [places[0] - 0.12, places[places.length - 1] + 0.12] } },
        axes: [
          axis({ splits: () => places, values: () => shots.map(String), label: "events known of the user", labelSize: 26, size: 30 }),
          axis({ label: width < 500 ? undefined : curve.dataset.measure, labelSize: 22, size: 46 }),
        ],
        cursor: { points: { size: 7 } },
      }, data, curve);
    });
  }

  const kept = 150;
  const history = { at: [], events: [], answers: [], p50: [], p99: [] };
  const panels = [
    ["rates", [["events", "events", "--line-1"], ["answers", "answers", "--line-2"]], (n) => n.toFixed(1)],
    ["lag", [["p50", "half of the time", "--line-2"], ["p99", "99 of 100", "--line-1"]], (n) => n.toFixed(1) + " ms"],
  ];
  const charts = [];
  for (const [id, lines, words] of panels) {
    const element = document.getElementById(id);
    if (!element || !window.uPlot) continue;
    const data = () => [history.at, ...lines.map(([name]) => history[name])];
    const chart = draw(element, (width) => new uPlot({
      width, height: 200, legend,
      series: [{ label: "time", value: "{HH}:{mm}:{ss}" }, ...lines.map(([, label, name]) => ({
        label, stroke: colour(name), width: 2, spanGaps: true, points: { show: false }, value: (_plot, n) => (n == null ? "" : words(n)),
      }))],
      scales: { y: { range: (_plot, _low, high) => [0, Math.max(high || 0, 1) * 1.15] } },
      axes: [axis({ values: "{HH}:{mm}:{ss}", space: 80 }), axis({ size: 44 })],
    }, data(), element));
    charts.push([chart, data]);
  }
  on("htmx:sseBeforeMessage", (event) => {
    if (event.target.id !== "point") return;
    event.preventDefault();
    const point = JSON.parse(event.detail.data);
    history.at.push(Date.now() / 1000);
    for (const name of ["events", "answers", "p50", "p99"]) history[name].push(point[name]);
    for (const column of Object.values(history)) if (column.length > kept) column.shift();
    for (const [chart, data] of charts) chart.plot.setData(data());
  });
})();
