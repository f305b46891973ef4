// The chart of one series. The canvas renderer is used because the SVG one
// writes style attributes, which the page's policy forbids.
import { init, use, type ComposeOption } from "echarts/core";
import { LineChart, type LineSeriesOption } from "echarts/charts";
import { AriaComponent, DataZoomComponent, GridComponent, TooltipComponent, MarkLineComponent, type GridComponentOption, type TooltipComponentOption, type DataZoomComponentOption } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";

use([LineChart, GridComponent, TooltipComponent, DataZoomComponent, MarkLineComponent, AriaComponent, CanvasRenderer]);
type Option = ComposeOption<LineSeriesOption | GridComponentOption | TooltipComponentOption | DataZoomComponentOption>;

interface Data {
  points: [number, number | null, number | null, number | null][]; // ms, mean, min, max
  unit: string;
  name: string;
  low: string;
  high: string;
}

const box = document.querySelector<HTMLElement>("[data-chart]");
const source = document.getElementById("chart-data");
if (box && source) draw(box, JSON.parse(source.textContent || "{}") as Data);

function draw(box: HTMLElement, data: Data): void {
  const css = getComputedStyle(document.documentElement);
  const c = (name: string) => css.getPropertyValue(name).trim();
  const lang = document.documentElement.lang === "vi" ? "vi-VN" : "en-GB";
  const number = new Intl.NumberFormat(lang, { maximumFractionDigits: 3 });
  const zone = "Asia/Ho_Chi_Minh";
  const full = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "2-digit", month: "2-digit" });
  const dayYear = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "2-digit", month: "2-digit", year: "numeric" });
  const hour = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  const span = data.points.length ? data.points[data.points.length - 1][0] - data.points[0][0] : 0;
  const at = document.createElement("div");
  at.className = "island";
  box.append(at);
  const text = { fontFamily: '"IBM Plex Sans", "Be Vietnam Pro", sans-serif', color: c("--ink-3"), fontSize: 12 };
  const line = (i: 1 | 2 | 3, name: string, colour: string, width: number): LineSeriesOption => ({
    name, type: "line", showSymbol: data.points.length < 3, symbolSize: 6, sampling: "lttb", connectNulls: false, data: data.points.map((p) => [p[0], p[i]]),
    lineStyle: { width, color: colour, type: i === 1 ? "solid" : "dotted" }, itemStyle: { color: colour },
    endLabel: { show: i === 1 && box.clientWidth >= 500, formatter: name, color: colour, fontFamily: text.fontFamily, fontSize: 12 },
  });
  const narrow = box.clientWidth < 500; // the heading names the line where there is no room beside it
  const banded = data.points.some((p) => p[2] !== p[1] || p[3] !== p[1]);
  const option: Option = {
    animation: false,
    textStyle: text,
    grid: { left: 8, right: narrow ? 16 : 88, top: 28, bottom: 52, containLabel: true },
    tooltip: {
      trigger: "axis", renderMode: "richText", confine: true, backgroundColor: c("--surface"), borderColor: c("--line-strong"), padding: 10, shadowBlur: 0,
      textStyle: { color: c("--ink"), fontFamily: text.fontFamily, fontSize: 13 },
      formatter: (ps: any) => {
        const list = Array.isArray(ps) ? ps : [ps];
        return [full.format(list[0].value[0]), ...list.filter((p: any) => p.value[1] !== null).map((p: any) => `${p.seriesName}: ${number.format(p.value[1])} ${data.unit}`)].join("\n");
      },
    },
    xAxis: { type: "time", axisLine: { lineStyle: { color: c("--line-strong") } }, axisTick: { show: false }, splitLine: { show: false }, axisLabel: { ...text, hideOverlap: true, formatter: (v: number) => (span > 370 * 864e5 ? dayYear : span > 2 * 864e5 ? day : hour).format(v) } },
    yAxis: { type: "value", scale: true, name: data.unit, nameTextStyle: { ...text, align: "right" }, axisLabel: { ...text, formatter: (v: number) => number.format(v) }, splitLine: { lineStyle: { color: c("--line") } } },
    dataZoom: [{ type: "inside", filterMode: "none" }, { type: "slider", height: 22, bottom: 8, filterMode: "none", borderColor: c("--line"), fillerColor: c("--river-tint"), handleStyle: { color: c("--river"), borderColor: c("--river") }, moveHandleSize: 0, dataBackground: { lineStyle: { color: c("--line-strong") }, areaStyle: { color: c("--sunken") } }, selectedDataBackground: { lineStyle: { color: c("--river-3") }, areaStyle: { color: c("--river-tint") } }, textStyle: text, labelFormatter: (v: number) => day.format(v) }],
    series: banded ? [line(3, data.high, c("--ink-3"), 1), line(1, data.name, c("--cat-1"), 2), line(2, data.low, c("--ink-3"), 1)] : [line(1, data.name, c("--cat-1"), 2)],
  };
  const chart = init(at, undefined, { renderer: "canvas" });
  chart.setOption(option);
  box.classList.add("ready");
  box.dataset.chartReady = "true";
  new ResizeObserver(() => chart.resize()).observe(box);
}
