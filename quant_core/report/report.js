'use strict';
(() => {
  const root = document.documentElement;
  const element = id => document.getElementById(id);
  const payload = element('payload');
  const data = payload ? JSON.parse(payload.textContent) : null;
  const drawn = new Map();
  const narrow = () => window.innerWidth < 640;
  const colour = name => getComputedStyle(root).getPropertyValue('--' + name).trim();
  const light = ['#1f5a92', '#c0692f', '#5d8a4b', '#8a5a9c', '#b8963a', '#3f8c94', '#a8505a', '#6b7a99', '#93784f', '#4f7d6a', '#b07aa1', '#8c8c8c'];
  const dark = ['#6fb0ec', '#e79a68', '#8fc07a', '#c193d4', '#dcbc62', '#6cc3cb', '#e08a92', '#9fb0d3', '#c9ab7c', '#80b8a0', '#dba6cb', '#b5b5b5'];
  const palette = () => root.classList.contains('dark') ? dark : light;
  const minus = text => text.replace('-', '\u2212');

  const format = {
    ratio: value => minus(value.toFixed(2)),
    percent: value => minus((value * 100).toFixed(1)) + '\u202f%',
    probability: value => minus(value.toFixed(3)),
    count: value => value.toLocaleString('en-US'),
    scientific: value => minus(value.toExponential(1)),
    name: value => value,
  };

  function layout(more) {
    const axis = { gridcolor: colour('grid'), zerolinecolor: colour('rule'), linecolor: colour('rule'), automargin: true, fixedrange: narrow() };
    const base = {
      paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', margin: { l: 8, r: 8, t: 8, b: 8 },
      font: { family: getComputedStyle(document.body).fontFamily, size: 12.5, color: colour('ink') },
      hoverlabel: { bgcolor: colour('panel'), bordercolor: colour('rule'), font: { color: colour('ink') } },
      legend: { orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom', font: { size: 12 }, traceorder: 'normal' }, dragmode: narrow() ? false : 'zoom',
    };
    const all = Object.assign(base, more);
    for (const name of ['xaxis', 'yaxis', 'xaxis2', 'yaxis2']) if (name.length === 5 || all[name]) all[name] = Object.assign({}, axis, all[name]);
    return all;
  }

  function plot(id, traces, more) {
    if (element(id)) Plotly.react(id, traces, layout(more), { displayModeBar: false, responsive: true });
  }

  function decoded() {
    const text = atob(data.every.nav);
    const bytes = Uint8Array.from(text, letter => letter.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  }
  let every = null;
  function path(cell) {
    every = every || decoded();
    const row = data.every.cells.indexOf(cell), width = data.every.date.length;
    return row < 0 ? null : { date: data.every.date, nav: Array.from(every.subarray(row * width, (row + 1) * width)) };
  }

  function navChart() {
    const band = data.band, traces = [];
    const edge = { x: band.date, mode: 'lines', line: { width: 0 }, hoverinfo: 'skip', showlegend: false };
    traces.push(Object.assign({ y: band.low }, edge));
    traces.push(Object.assign({}, edge, { y: band.high, fill: 'tonexty', fillcolor: colour('band'), name: 'middle 80\u202f% of cells', showlegend: true }));
    const called = { best: 'best', benchmark: 'benchmark', equal: '1/N' };
    for (const line of [...data.lines].reverse()) {
      const pen = { color: colour(line.role), width: line.role === 'best' ? 2 : 1.3 };
      traces.push({ x: line.date, y: line.nav, name: called[line.role], mode: 'lines', line: pen, hovertemplate: '%{y:.3f}', legendrank: { best: 1, benchmark: 2, equal: 3 }[line.role] });
      traces.push({ x: line.date, y: line.drawdown, name: called[line.role], mode: 'lines', line: Object.assign({}, pen, { width: 1.1 }), yaxis: 'y2', showlegend: false, fill: line.role === 'best' ? 'tozeroy' : 'none', fillcolor: colour('band'), hovertemplate: '%{y:.1%}' });
    }
    let number = 2;
    for (const [cell, line] of drawn) {
      const name = data.table.rows[data.table.cells.indexOf(cell)][1];
      traces.push({ x: line.date, y: line.nav, name, mode: 'lines', line: { color: palette()[number++ % 12], width: 1.2 }, hovertemplate: '%{y:.3f}' });
    }
    plot('nav-chart', traces, {
      hovermode: 'x unified', xaxis: { anchor: 'y2', showgrid: false },
      yaxis: { type: 'log', domain: [0.32, 1], tickformat: '~g', nticks: 7 },
      yaxis2: { domain: [0, 0.25], tickformat: '.0%', nticks: 4 },
    });
  }

  // A window's value holds until the next one; the last holds until the end of the paths.
  const closed = windows => [...windows, data.every.date[data.every.date.length - 1]];
  const held = values => [...values, values[values.length - 1]];

  function weightsChart() {
    const { windows, series } = data.weights;
    let place = 0;
    const traces = series.map(one => ({
      x: closed(windows), y: held(one.weight), name: one.name, stackgroup: 'w', mode: 'lines',
      line: { width: 0.4, shape: 'hv', color: one.role === 'atom' ? palette()[place % 12] : colour(one.role === 'cash' ? 'rule' : 'equal') },
      fillcolor: one.role === 'atom' ? palette()[place++ % 12] + 'cc' : colour(one.role === 'cash' ? 'grid' : 'rule'),
      hovertemplate: '%{y:.1%}',
    }));
    plot('weights-chart', traces, {
      hovermode: 'x unified', yaxis: { tickformat: '.0%', range: [0, 1.0001] }, xaxis: { showgrid: false },
      legend: narrow() ? { orientation: 'h', y: -0.15, font: { size: 11 }, traceorder: 'normal' } : { orientation: 'v', x: 1.01, y: 1, font: { size: 12 }, traceorder: 'normal' },
    });
  }

  const bars = (edges, counts, fill) => ({
    type: 'bar', x: counts.map((_, place) => (edges[place] + edges[place + 1]) / 2), y: counts,
    width: counts.map((_, place) => (edges[place + 1] - edges[place]) * 0.92), marker: { color: fill },
  });
  const rule = (x, dash, shade) => ({ type: 'line', x0: x, x1: x, y0: 0, y1: 1, yref: 'paper', line: { color: shade, width: 1.6, dash } });
  const flag = (x, text, shade, y, side) => ({ x, y, yref: 'paper', text, showarrow: false, xanchor: side, yanchor: 'top', font: { color: shade, size: 12 }, xshift: side === 'left' ? 5 : -5, bgcolor: colour('paper') });

  function luckChart() {
    const { edges, counts, best, expected } = data.luck;
    const trace = Object.assign(bars(edges, counts, colour('equal')), { opacity: 0.75, hovertemplate: '%{y} cells around %{x:.2f}<extra></extra>' });
    const marks = [edges[0], edges[edges.length - 1], ...(expected === null ? [] : [expected])];
    const low = Math.min(...marks), high = Math.max(...marks), pad = 0.06 * (high - low || 1);
    const side = x => x > (low + high) / 2 ? 'right' : 'left';
    const shapes = [rule(best, 'solid', colour('best'))], annotations = [flag(best, 'best ' + format.ratio(best), colour('best'), 1, side(best))];
    if (expected !== null) {
      shapes.push(rule(expected, 'dash', colour('benchmark')));
      annotations.push(flag(expected, 'luck alone ' + format.ratio(expected), colour('benchmark'), 0.88, side(expected)));
    }
    plot('luck-chart', [trace], { shapes, annotations, xaxis: { title: { text: 'Sharpe ratio a year' }, range: [low - pad, high + pad] }, yaxis: { title: { text: 'cells' }, range: [0, 1.3 * Math.max(...counts)] }, bargap: 0 });
  }

  function pboChart() {
    if (!data.pbo) return;
    const { edges, counts } = data.pbo.logits_histogram;
    const middle = counts.map((_, place) => (edges[place] + edges[place + 1]) / 2);
    const trace = Object.assign(bars(edges, counts, middle.map(x => colour(x <= 0 ? 'benchmark' : 'best'))), { opacity: 0.8, hovertemplate: '%{y} splits around %{x:.2f}<extra></extra>' });
    plot('pbo-chart', [trace], {
      shapes: [rule(0, 'dot', colour('soft'))], bargap: 0,
      xaxis: { title: { text: 'logit of the out-of-sample rank' } }, yaxis: { title: { text: 'splits' } },
    });
  }

  function scatterChart() {
    const { clouds, efficient, threshold, risk_free: rate } = data.frontier;
    const traces = clouds.map((cloud, place) => ({
      x: cloud.x, y: cloud.y, name: cloud.profile, mode: 'markers', type: 'scatter', text: cloud.rank.map((rank, at) => '#' + rank + ' ' + data.names[rank] + '<br>CAGR ' + format.percent(cloud.cagr[at])),
      marker: { size: 7, opacity: 0.72, color: palette()[place % 12], symbol: ['circle', 'square', 'diamond', 'triangle-up'][Math.floor(place / 12) % 4] },
      hovertemplate: '%{text}<br>volatility %{x:.1%}, mean return %{y:.1%}<extra></extra>',
    }));
    const spots = {};
    for (const cloud of clouds) cloud.rank.forEach((rank, place) => { spots[rank] = [cloud.x[place], cloud.y[place]]; });
    const thin = { mode: 'lines', hoverinfo: 'skip', showlegend: false };
    traces.unshift({ ...thin, x: efficient.map(rank => spots[rank][0]), y: efficient.map(rank => spots[rank][1]), line: { color: colour('soft'), width: 1 } });
    const xs = Object.values(spots).map(spot => spot[0]), most = Math.max(...xs), least = Math.min(...xs);
    const span = Math.max(most - least, 0.1 * most), start = Math.max(0, least - 0.3 * span), end = most + 0.06 * span;
    const annotations = Object.entries(data.marked).map(([role, rank], place) => ({
      x: spots[rank][0], y: spots[rank][1], text: { best: 'best', benchmark: 'market', equal: '1/N' }[role], ax: role === 'best' || spots[rank][0] > (start + end) / 2 ? -34 : 34, ay: role === 'best' ? -26 : 26 + 8 * place, arrowcolor: colour(role), arrowwidth: 1.2, arrowhead: 0, standoff: 5, font: { color: colour(role), size: 12.5 }, bgcolor: colour('paper'),
    }));
    if (threshold !== null) {
      traces.push({ ...thin, showlegend: true, name: 'luck alone ' + format.ratio(threshold), x: [start, end], y: [rate + threshold * start, rate + threshold * end], line: { color: colour('benchmark'), width: 1.6, dash: 'dash' } });
    }
    const below = { orientation: 'h', x: 0, y: -0.3, yanchor: 'top', font: { size: 11 } };
    plot('scatter-chart', traces, { annotations, ...(narrow() ? { legend: below } : {}), xaxis: { title: { text: 'volatility' }, tickformat: '.0%', range: [start, end] }, yaxis: { title: { text: 'mean return' }, tickformat: '~%' } });
  }

  function options(id, names, redraw) {
    const select = element(id);
    if (!select || select.options.length) return;
    select.append(...names.map((name, place) => new Option(name, place)));
    select.addEventListener('change', redraw);
  }
  const chosen = id => element(id) ? Number(element(id).value) : 0;

  // Weights come in hundredths of a percent; the lowest number marks a window without any.
  function unpacked(text, width) {
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const steps = Array.from(new Int16Array(bytes.buffer), step => step === -32768 ? null : step / 10000);
    return Array.from({ length: steps.length / width }, (_, row) => steps.slice(row * width, (row + 1) * width));
  }

  function mapChart() {
    options('map-choice', data.maps.map((one, place) => (place ? '' : 'best: ') + one.name), mapChart);
    const one = data.maps[chosen('map-choice')], weight = unpacked(one.weight, one.windows.length);
    const own = (one.others ? weight.slice(0, -1) : weight).flat().filter(value => value !== null);
    const most = Math.max(...own, 0.0001), least = Math.min(...own, 0), bound = Math.max(most, -least);
    const signed = [[0, colour('low')], [0.5, colour('mid')], [1, colour('high')]];
    const box = element('map-chart');
    box.style.height = Math.max(180, 60 + 17 * one.symbols.length) + 'px';
    plot('map-chart', [{
      type: 'heatmap', x: one.windows.map(window => window.slice(0, 10)), y: one.symbols, z: weight, zmin: least < 0 ? -bound : 0, zmax: bound, xgap: one.windows.length > 150 ? 0 : 1, ygap: 1,
      colorscale: least < 0 ? signed : signed.slice(1).map(([at, shade]) => [2 * at - 1, shade]), hovertemplate: '%{y}, %{x}<br>%{z:.2%}<extra></extra>', hoverongaps: false,
      colorbar: { thickness: 9, outlinewidth: 0, len: 1, tickformat: '~%' }, showscale: !narrow(),
    }], { yaxis: { autorange: 'reversed', showgrid: false, type: 'category', dtick: 1, tickfont: { size: 10.5 } }, xaxis: { showgrid: false, type: 'category', nticks: narrow() ? 3 : 10, tickangle: 0 } });
  }

  const power = value => '1e' + minus(String(value));
  const share = value => value === null ? '' : value === 0 ? '0' : value < 0.0005 ? minus(value.toExponential(0)) : minus((value * 100).toFixed(value < 0.0995 ? 1 : 0)) + '\u202f%';

  function agreementChart() {
    if (!data.agreement) return;
    const { engines, groups } = data.agreement;
    options('agreement-choice', groups.map(group => group.name), agreementChart);
    const group = groups[chosen('agreement-choice')], box = element('agreement-chart');
    box.style.height = Math.max(200, 90 + 48 * engines.length) + 'px';
    const said = group.distance.map((row, at) => row.map((value, place) => value === null ? '' : engines[at] + ' and ' + engines[place] + ', ' + format.count(group.windows[at][place]) + ' solves<br>mean ' + value.toExponential(1) + ', largest ' + group.worst[at][place].toExponential(1) + '<br>objectives ' + (group.gap[at][place] === null ? 'not comparable' : group.gap[at][place].toExponential(1) + ' apart')));
    const floor = -9;
    plot('agreement-chart', [{
      type: 'heatmap', x: engines, y: engines, z: group.distance.map(row => row.map(value => value === null ? null : Math.max(floor, Math.log10(value)))), zmin: floor, zmax: 0, xgap: 2, ygap: 2,
      text: group.distance.map(row => row.map(share)), texttemplate: '%{text}', customdata: said, hovertemplate: '%{customdata}<extra></extra>', hoverongaps: false,
      colorscale: [[0, colour('mid')], [1, colour('low')]], colorbar: { thickness: 9, outlinewidth: 0, len: 1, tickvals: [-9, -6, -3, 0], ticktext: ['1e\u22129', '1e\u22126', '0.1\u202f%', '100\u202f%'] }, showscale: !narrow(),
    }], { yaxis: { autorange: 'reversed', showgrid: false, type: 'category' }, xaxis: { showgrid: false, type: 'category', tickangle: engines.length > 3 ? -35 : 0 } });
  }

  function parityChart() {
    if (!data.parity) return;
    const { pairs } = data.parity, floor = -17;
    element('parity-chart').style.height = 110 + 80 * pairs.length + 'px';
    const shapes = [], traces = pairs.map((pair, row) => {
      const limit = Math.log10(pair.tolerance);
      shapes.push({ type: 'line', x0: limit, x1: limit, y0: row - 0.4, y1: row + 0.4, line: { color: colour('benchmark'), width: 1.6, dash: 'dash' } });
      return {
        type: 'scatter', mode: 'markers', showlegend: false, x: pair.gap.map(gap => gap ? Math.max(floor, Math.log10(gap)) : floor), y: pair.gap.map((_, place) => row + ((place * 0.618034) % 1 - 0.5) * 0.6),
        text: pair.cells.map((cell, place) => cell.replaceAll('|', ' \u00b7 ') + '<br>' + pair.gap[place].toExponential(1)), hovertemplate: '%{text}<extra></extra>',
        marker: { size: 6, opacity: 0.7, color: pair.gap.map(gap => colour(gap > pair.tolerance ? 'bad' : 'best')) },
      };
    });
    const annotations = pairs.map((pair, row) => ({ x: Math.log10(pair.tolerance), y: row - 0.42, text: power(Math.log10(pair.tolerance)), showarrow: false, yanchor: 'bottom', font: { color: colour('benchmark'), size: 11.5 } }));
    const worst = Math.max(...pairs.map(pair => Math.max(Math.log10(pair.tolerance), ...pair.gap.map(gap => gap ? Math.log10(gap) : floor))));
    const ticks = [-15, -12, -9, -6, -3, 0];
    plot('parity-chart', traces, {
      shapes, annotations,
      xaxis: { range: [floor - 0.5, Math.max(-8, worst + 1)], tickvals: [floor, ...ticks], ticktext: ['none', ...ticks.map(power)], title: { text: 'worst relative difference of NAV' } },
      yaxis: { tickvals: pairs.map((_, row) => row), ticktext: pairs.map(pair => pair.simulator), range: [pairs.length - 0.4, -0.75], showgrid: false, zeroline: false },
    });
  }

  function heatChart() {
    const { periods, profiles, sharpe, bound } = data.heat;
    const box = element('heat-chart');
    box.style.height = Math.max(200, 70 + 22 * profiles.length) + 'px';
    plot('heat-chart', [{
      type: 'heatmap', x: periods, y: profiles, z: sharpe, zmin: -bound, zmax: bound, xgap: 1, ygap: 2,
      colorscale: [[0, colour('low')], [0.5, colour('mid')], [1, colour('high')]], hovertemplate: '%{y}, %{x}<br>Sharpe %{z:.2f}<extra></extra>',
      colorbar: { thickness: 9, outlinewidth: 0, len: 1 }, showscale: !narrow(),
    }], { yaxis: { autorange: 'reversed', showgrid: false, tickfont: { size: 11.5 } }, xaxis: { showgrid: false, type: 'category', nticks: narrow() ? 3 : 10, tickangle: 0 } });
  }

  function coverageChart() {
    const { windows, series } = data.coverage;
    let place = 0;
    const alphas = ['aa', '88', '66', '44'];
    let chosen = 0;
    const traces = series.map(one => {
      const selected = one.name.startsWith('selected');
      const shade = selected ? colour('best') : palette()[1 + place++ % 11];
      const alpha = selected ? alphas[chosen++] : 'aa';
      return { x: closed(windows), y: held(one.count), name: one.name, stackgroup: 'c', mode: 'lines', line: { width: 0.4, shape: 'hv', color: shade }, fillcolor: shade + alpha, hovertemplate: '%{y}' };
    });
    plot('coverage-chart', traces, { hovermode: 'x unified', yaxis: { title: { text: 'atoms' }, rangemode: 'tozero' }, xaxis: { showgrid: false } });
  }

  function residualChart() {
    const { exponents, counts } = data.residuals;
    const uneven = Math.max(...counts) > 50 * Math.max(1, Math.min(...counts));
    const trace = { type: 'bar', x: exponents.map(exponent => '1e\u2212' + -exponent), y: counts, marker: { color: exponents.map(exponent => colour(exponent >= -9 ? 'benchmark' : 'best')) }, opacity: 0.8, hovertemplate: '%{y} solves at %{x}<extra></extra>' };
    plot('residual-chart', [trace], { xaxis: { type: 'category', tickangle: 0, nticks: 8 }, yaxis: { type: uneven ? 'log' : 'linear' } });
  }

  function draw() {
    for (const chart of [navChart, weightsChart, mapChart, luckChart, pboChart, scatterChart, heatChart, agreementChart, parityChart, coverageChart, residualChart]) chart();
  }

  async function library() {
    const source = JSON.parse(element('tables').textContent);
    const address = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    const module = await import(address);
    URL.revokeObjectURL(address);
    return module.default;
  }

  function filters(table) {
    data.table.axes.forEach((axis, number) => {
      const place = number + 2, names = [...new Set(data.table.rows.map(row => row[place]))].sort();
      const label = document.createElement('label'), select = document.createElement('select');
      label.append(axis, select);
      select.append(new Option('all', ''), ...names.map(name => new Option(name, name)));
      select.addEventListener('change', () => table.column(place).search(select.value, { exact: select.value !== '' }).draw());
      element('filters').append(label);
    });
  }

  function define() {
    for (const head of data.table.heads) {
      if (!head.text || head.name === 'rank') continue;
      const term = document.createElement('dt'), text = document.createElement('dd');
      term.textContent = head.label;
      text.textContent = head.text;
      element('definitions').append(term, text);
    }
    if (!element('definitions').children.length) document.querySelector('.definitions').remove();
  }

  function choose(table, row) {
    const cell = data.table.cells[row.index()], line = path(cell);
    if (drawn.has(cell)) drawn.delete(cell); else if (line) drawn.set(cell, line);
    row.node().classList.toggle('drawn', drawn.has(cell));
    navChart();
  }

  // A narrow screen has one column for the names of a cell, a wide one has a column for each.
  function visible(head) {
    if (head.name === 'cell') return narrow();
    return head.shown && !(narrow() && head.kind === 'name');
  }

  async function leaderboard() {
    const DataTable = await library();
    const columns = data.table.heads.map((head, place) => ({
      data: row => row[place] === null ? '' : row[place], title: head.label, name: head.name, visible: visible(head), className: head.kind === 'name' ? 'name ' + head.name : 'figure', type: head.kind === 'name' ? 'string' : 'num',
      render: (value, kind) => kind === 'display' ? (value === '' ? '\u2013' : head.kind === 'name' ? DataTable.util.escapeHtml(value).replaceAll('_', '_<wbr>') : format[head.kind](value)) : kind === 'sort' && value === '' ? -Infinity : value,
    }));
    const table = new DataTable('#leaderboard', {
      data: data.table.rows, columns, order: [[0, 'asc']], pageLength: narrow() ? 10 : 15, lengthMenu: [10, 15, 50, 100, { label: 'all', value: -1 }], autoWidth: false, deferRender: true,
      layout: { topStart: 'search', topEnd: { buttons: [{ extend: 'colvis', text: 'Columns' }, { extend: 'csvHtml5', text: 'CSV', title: 'leaderboard' }] }, bottomStart: 'info', bottomEnd: 'paging' },
      language: { search: '', searchPlaceholder: 'Search cells', info: '_START_ to _END_ of _TOTAL_ cells', infoFiltered: '(of _MAX_)' },
      headerCallback: line => [...line.cells].forEach(cell => { const head = data.table.heads.find(one => one.label === cell.innerText.trim()); if (head && head.text) cell.title = head.text; }),
    });
    table.on('click', 'tbody tr', event => choose(table, table.row(event.currentTarget)));
    filters(table);
    define();
    element('leaderboard').dataset.ready = 'true';
  }

  element('theme').addEventListener('click', () => { root.classList.toggle('dark'); if (data) draw(); });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', event => { root.classList.toggle('dark', event.matches); if (data) draw(); });
  if (data) { draw(); leaderboard(); }
})();
