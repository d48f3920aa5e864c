// The curves: an alert's observed and usual rates, and use by window. Times are shown on the site's clock.
(() => {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const HOUR = 3600000;
  const offsets = new Map();

  // How far the site's clock is ahead of UTC, looked up once an hour of data.
  function siteOffset(ms, zone) {
    const hour = Math.floor(ms / HOUR);
    if (!offsets.has(hour)) {
      const parts = new Intl.DateTimeFormat("en-GB", {
        timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
        hour: "numeric", minute: "numeric", second: "numeric",
      }).formatToParts(hour * HOUR);
      const at = Object.fromEntries(parts.map((p) => [p.type, Number(p.value)]));
      offsets.set(hour, Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second) - hour * HOUR);
    }
    return offsets.get(hour);
  }

  // ECharts draws in UTC; what it is given is the site's wall clock.
  const wall = (text, zone) => {
    const ms = Date.parse(text);
    return ms + siteOffset(ms, zone);
  };

  const two = (number) => String(number).padStart(2, "0");
  function dayText(ms) {
    const at = new Date(ms);
    return `${at.getUTCMonth() + 1}/${at.getUTCDate()}`;
  }
  const clockText = (ms) => `${two(new Date(ms).getUTCHours())}:${two(new Date(ms).getUTCMinutes())}`;

  function figure(value) {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
    return value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: digits });
  }

  function tip(title, rows) {
    const box = document.createElement("div");
    box.className = "av-tip";
    const head = document.createElement("b");
    head.textContent = title;
    box.append(head);
    for (const [name, value, kind] of rows) {
      const line = document.createElement("div");
      const mark = document.createElement("i");
      mark.className = kind;
      const label = document.createElement("span");
      label.textContent = name;
      const number = document.createElement("strong");
      number.textContent = value;
      line.append(mark, label, number);
      box.append(line);
    }
    return box;
  }

  function frame(unit, extra) {
    const muted = colour("--av-muted");
    const line = colour("--av-line");
    return {
      useUTC: true,
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 8, right: 16, top: 34, bottom: 8, containLabel: true },
      yAxis: {
        type: "value", name: unit, nameTextStyle: { color: muted, align: "left", padding: [0, 0, 4, -28] },
        axisLabel: { color: muted }, splitLine: { lineStyle: { color: line } }, min: (range) => (range.min < 0 ? null : 0),
      },
      tooltip: {
        trigger: "axis", confine: true, backgroundColor: colour("--av-surface"), borderColor: line,
        textStyle: { color: colour("--av-ink") }, padding: 0,
      },
      ...extra,
    };
  }

  const timeAxis = () => ({
    type: "time",
    axisLabel: {
      color: colour("--av-muted"), hideOverlap: true,
      formatter: (ms) => (new Date(ms).getUTCHours() + new Date(ms).getUTCMinutes() ? clockText(ms) : dayText(ms)),
    },
    axisLine: { lineStyle: { color: colour("--av-line") } }, axisTick: { show: false }, splitLine: { show: false },
  });

  // The usual band: its lower bound, unseen, and what stands on it up to the upper one.
  function band(data, pairs) {
    const bound = (name, values, style) => ({
      name, type: "line", data: pairs(values), stack: "band", stackStrategy: "all", showSymbol: false, silent: true,
      lineStyle: { opacity: 0 }, tooltip: { show: false }, ...style,
    });
    const width = data.expected_high.map((high, i) => (high === null ? null : high - data.expected_low[i]));
    return [
      bound("low", data.expected_low, {}),
      bound("width", width, { areaStyle: { color: colour("--av-muted"), opacity: 0.2 } }),
    ];
  }

  function alertOption(data, box) {
    const words = JSON.parse(box.dataset.words);
    const zone = box.dataset.zone;
    const peak = Math.max(0, ...data.observed, ...data.expected_high);
    const small = data.unit === "m3/h" && peak < 1;
    const factor = small ? 1000 : 1;
    const unit = small ? "L/h" : data.unit.replace("m3", "m³");
    const times = data.times.map((t) => wall(t, zone));
    const pairs = (values) => values.map((v, i) => [times[i], v === null ? null : v * factor]);
    const onset = wall(data.flagged.start, zone);
    const end = data.flagged.end ? wall(data.flagged.end, zone) : times[times.length - 1];
    const main = colour(box.dataset.medium === "electricity" ? "--av-power" : "--av-water");
    const marks = [{ xAxis: onset, label: { formatter: `${words.onset} ${clockText(onset)}`, position: "insideEndTop" } }];
    if (data.level !== null && data.level > peak * 0.05) {
      marks.push({
        yAxis: data.level * factor, lineStyle: { color: colour("--av-muted"), type: "dotted" },
        label: { formatter: words.level, position: "insideStartTop", color: colour("--av-muted") },
      });
    }
    const red = colour("--av-critical");
    return frame(unit, {
      xAxis: timeAxis(),
      dataZoom: [{ type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: false, preventDefaultMouseMove: false }],
      series: [
        ...band(data, pairs),
        {
          name: words.usual, type: "line", data: pairs(data.expected), showSymbol: false, silent: true, step: false,
          lineStyle: { width: 1.5, type: [5, 4], color: colour("--av-muted") },
        },
        {
          name: words.observed, type: "line", data: pairs(data.observed), showSymbol: false,
          lineStyle: { width: 1.75, color: main }, areaStyle: { color: main, opacity: 0.1 },
          markArea: { silent: true, itemStyle: { color: red, opacity: 0.08 }, data: [[{ xAxis: onset }, { xAxis: end }]] },
          markLine: {
            silent: true, symbol: "none", lineStyle: { color: red, type: "solid", width: 1.25 },
            label: { color: red, fontSize: 11 }, data: marks,
          },
        },
      ],
      tooltip: {
        ...frame(unit, {}).tooltip,
        formatter: (points) => {
          const of = (name) => points.find((p) => p.seriesName === name)?.value[1];
          const at = points[0].value[0];
          const write = (v) => `${figure(v)} ${unit}`;
          return tip(`${dayText(at)} ${clockText(at)}`, [
            [words.observed, write(of(words.observed)), box.dataset.medium],
            [words.usual, write(of(words.usual)), "usual"],
            [words.band, `${figure(of("low"))} – ${figure(of("low") + of("width"))} ${unit}`, "usual"],
          ]);
        },
      },
    });
  }

  // A day is labelled by its hours, a week by its days.
  function labels(step) {
    if (step === "1h") return { interval: (_, text) => text.endsWith(" 00:00"), formatter: (text) => text.split(" ")[0] };
    if (step === "15min") return { interval: (_, text) => text.endsWith(":00"), formatter: (text) => text.split(" ")[1] };
    return {};
  }

  function usageOption(data, box, step) {
    const words = JSON.parse(box.dataset.words);
    const zone = box.dataset.zone;
    const columns = Object.values(data.usage);
    const sums = data.edges.slice(0, -1).map((_, i) => {
      const values = columns.map((c) => c[i]).filter((v) => v !== null);
      return values.length ? values.reduce((a, b) => a + b, 0) : null;
    });
    const starts = data.edges.slice(0, -1).map((t) => wall(t, zone));
    const name = (ms) => {
      if (step === "1mo") return `${new Date(ms).getUTCFullYear()}/${new Date(ms).getUTCMonth() + 1}`;
      return step === "1d" ? dayText(ms) : `${dayText(ms)} ${clockText(ms)}`;
    };
    const main = colour(box.dataset.medium === "electricity" ? "--av-power" : "--av-water");
    const unit = data.unit.replace("m3", "m³");
    return frame(unit, {
      xAxis: {
        type: "category", data: starts.map(name), axisTick: { show: false },
        axisLabel: { color: colour("--av-muted"), hideOverlap: true, ...labels(step) },
        axisLine: { lineStyle: { color: colour("--av-line") } },
      },
      series: [{
        name: words.used, type: "bar", data: sums, barCategoryGap: "25%",
        itemStyle: { color: main, borderRadius: [2, 2, 0, 0] },
      }],
      tooltip: {
        ...frame(unit, {}).tooltip, axisPointer: { type: "shadow" },
        formatter: ([point]) => tip(point.name, [[words.used, `${figure(point.value)} ${unit}`, box.dataset.medium]]),
      },
    });
  }

  const charts = new Map();

  async function draw(box, address, optionOf) {
    const note = box.parentElement.querySelector(".av-chart-note");
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const data = await answer.json();
      const values = data.observed ?? Object.values(data.usage).flat();
      const isEmpty = values.every((v) => v === null);
      note.hidden = !isEmpty;
      note.textContent = isEmpty ? box.dataset.empty : "";
      const chart = charts.get(box) ?? echarts.init(box, null, { renderer: "canvas" });
      charts.set(box, chart);
      chart.setOption(optionOf(data), true);
      box.dataset.drawn = "yes";
    } catch (error) {
      note.hidden = false;
      note.textContent = `${box.dataset.failed} (${error.message})`;
    }
  }

  const drawAlert = (box) => draw(box, box.dataset.series, (data) => alertOption(data, box));

  // A day of the site's calendar, `back` days before today.
  function siteDay(zone, back) {
    const now = Date.now();
    return new Date(now + siteOffset(now, zone) - back * 24 * HOUR).toISOString().slice(0, 10);
  }

  const WINDOWS = { day: ["15min", 0], week: ["1h", 6], month: ["1d", 29], year: ["1mo", 330] };

  function drawUsage(box) {
    const [step, back] = WINDOWS[box.dataset.window];
    const query = new URLSearchParams(JSON.parse(box.dataset.meters).map((m) => ["meter", m]));
    query.set("step", step);
    query.set("start", siteDay(box.dataset.zone, back));
    query.set("end", siteDay(box.dataset.zone, -1));
    return draw(box, `/api/v1/usage?${query}`, (data) => usageOption(data, box, step));
  }

  function drawAll() {
    for (const [box, chart] of charts) {
      if (!box.isConnected) { chart.dispose(); charts.delete(box); }
    }
    for (const box of document.querySelectorAll("[data-series]")) drawAlert(box);
    for (const box of document.querySelectorAll("[data-window]")) drawUsage(box);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-span]");
    if (!button) return;
    const box = document.getElementById(button.closest("[data-for]").dataset.for);
    for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
    if (box.dataset.series) {
      box.dataset.series = button.dataset.span;
      drawAlert(box);
    } else {
      box.dataset.window = button.dataset.span;
      drawUsage(box);
    }
  });
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("aquavolt:theme", drawAll);
  document.addEventListener("aquavolt:changed", drawAll);
  document.addEventListener("htmx:afterSettle", (event) => { if (event.target.querySelector?.("[data-series]")) drawAll(); });
  addEventListener("resize", () => { for (const chart of charts.values()) chart.resize(); });
})();
