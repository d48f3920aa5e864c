// The pictures of the figures. What they show stands in the tables too.
(() => {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const charts = new Map();

  const figure = (value) => value === null || value === undefined
    ? "–" : value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 2 });

  function tip(points, unit) {
    const box = document.createElement("div");
    box.className = "av-tip";
    const head = document.createElement("b");
    head.textContent = points[0]?.name ?? "";
    box.append(head);
    for (const point of points) {
      const line = document.createElement("div");
      const label = document.createElement("span");
      label.textContent = point.seriesName;
      const number = document.createElement("strong");
      number.textContent = `${figure(point.value)} ${unit}`;
      line.append(label, number);
      box.append(line);
    }
    return box;
  }

  function optionOf({ kind, unit, names, series }) {
    const muted = colour("--av-muted");
    const line = colour("--av-line");
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 8, right: 16, top: 44, bottom: 8, containLabel: true },
      legend: { top: 6, textStyle: { color: muted }, itemWidth: 14, itemHeight: 9 },
      xAxis: { type: "category", data: names, axisLabel: { color: muted, hideOverlap: true }, axisLine: { lineStyle: { color: line } } },
      yAxis: { type: "value", name: unit, nameTextStyle: { color: muted }, axisLabel: { color: muted }, splitLine: { lineStyle: { color: line } } },
      tooltip: {
        trigger: "axis", confine: true, backgroundColor: colour("--av-surface"), borderColor: line,
        textStyle: { color: colour("--av-ink") }, padding: 0, formatter: (points) => tip(points, unit),
      },
      series: series.map((one) => ({
        name: one.name, type: kind, data: one.values, connectNulls: true, symbolSize: 7,
        itemStyle: { color: colour(one.colour), borderRadius: kind === "bar" ? [2, 2, 0, 0] : 0 },
      })),
    };
  }

  function drawAll() {
    for (const box of document.querySelectorAll("[data-figures]")) {
      const chart = charts.get(box) ?? echarts.init(box, null, { renderer: "canvas" });
      charts.set(box, chart);
      chart.setOption(optionOf(JSON.parse(box.dataset.figures)), true);
      box.dataset.drawn = "yes";
    }
  }

  const fit = () => { for (const chart of charts.values()) chart.resize(); };
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("aquavolt:theme", drawAll);
  for (const moment of ["resize", "beforeprint", "afterprint"]) addEventListener(moment, fit);
})();
