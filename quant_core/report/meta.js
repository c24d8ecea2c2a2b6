'use strict';
(() => {
  const root = document.documentElement;
  const element = id => document.getElementById(id);
  const payload = element('payload');
  const data = payload ? JSON.parse(payload.textContent) : null;
  const narrow = () => window.innerWidth < 640;
  const colour = name => getComputedStyle(root).getPropertyValue('--' + name).trim();
  const light = ['#c0692f', '#5d8a4b', '#8a5a9c', '#b8963a', '#3f8c94', '#a8505a', '#6b7a99', '#93784f', '#4f7d6a', '#b07aa1', '#1f5a92'];
  const dark = ['#e79a68', '#8fc07a', '#c193d4', '#dcbc62', '#6cc3cb', '#e08a92', '#9fb0d3', '#c9ab7c', '#80b8a0', '#dba6cb', '#6fb0ec'];
  const shade = place => (root.classList.contains('dark') ? dark : light)[place % light.length];

  function plot(id, traces, more) {
    const axis = { gridcolor: colour('grid'), zerolinecolor: colour('rule'), linecolor: colour('rule'), automargin: true, fixedrange: narrow() };
    const layout = Object.assign({
      paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', margin: { l: 8, r: 8, t: 8, b: 8 }, hovermode: 'x unified',
      font: { family: getComputedStyle(document.body).fontFamily, size: 12.5, color: colour('ink') },
      hoverlabel: { bgcolor: colour('panel'), bordercolor: colour('rule'), font: { color: colour('ink') } },
      legend: { orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom', font: { size: 12 }, traceorder: 'normal' }, dragmode: narrow() ? false : 'zoom',
    }, more);
    for (const name of ['xaxis', 'yaxis']) layout[name] = Object.assign({}, axis, layout[name]);
    Plotly.react(id, traces, layout, { displayModeBar: false, responsive: true });
  }

  function navChart(profile) {
    const lines = data.paths[profile];
    const traces = lines.map((line, place) => ({
      x: line.date, y: line.nav, name: line.role === 'best' ? 'portfolio, ' + line.name : line.name, mode: 'lines', hovertemplate: '%{y:.3f}',
      line: line.role === 'best' ? { color: colour('best'), width: 2.2 } : { color: shade(place - 1), width: 1.2 },
    }));
    plot('nav-chart', traces.reverse(), { legend: { orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom', traceorder: 'reversed' }, yaxis: { type: 'log', tickformat: '~g', nticks: 7 }, xaxis: { showgrid: false } });
  }

  // A target holds until the next one; the last holds until the end of the path.
  function stack(id, found, last) {
    const signed = found.series.some(one => one.weight.some(weight => weight < -1e-9));
    const traces = found.series.map((one, place) => {
      const cash = one.name === '(cash)', held = [...one.weight, one.weight[one.weight.length - 1]];
      const tint = cash ? colour('rule') : shade(place);
      const trace = { x: [...found.date, last], y: held, name: one.name, mode: 'lines', hovertemplate: '%{y:.1%}', line: { width: signed ? 1.4 : 0.4, shape: 'hv', color: tint } };
      return signed ? trace : Object.assign(trace, { stackgroup: 'w', fillcolor: cash ? colour('grid') : tint + 'cc' });
    });
    plot(id, traces, { yaxis: signed ? { tickformat: '.0%' } : { tickformat: '.0%', range: [0, 1.0001] }, xaxis: { showgrid: false } });
  }

  function draw() {
    const profile = element('profile').value, dates = data.paths[profile][0].date, last = dates[dates.length - 1];
    navChart(profile);
    stack('weights-chart', data.weights[profile], last);
    stack('symbols-chart', data.symbols[profile], last);
    root.dataset.drawn = profile;
  }

  if (data) {
    for (const profile of data.profiles) element('profile').add(new Option(profile, profile));
    element('profile').addEventListener('change', draw);
    draw();
  }
  element('theme').addEventListener('click', () => { root.classList.toggle('dark'); if (data) draw(); });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', event => { root.classList.toggle('dark', event.matches); if (data) draw(); });
})();
