// What scripts/pages-test does in the browser. Plain checks, no framework: the first that fails ends
// it with its name.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import puppeteer from 'puppeteer-core';

const out = process.env.AOB_PAGES_OUT;
const ready = JSON.parse(readFileSync(process.env.AOB_READY, 'utf8').split('\n')[0]);
const key = readFileSync(process.env.AOB_KEY, 'utf8').trim();
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pages = ready.approvals;

async function api(path, body) {
  const response = await fetch(`${ready.server}/v1${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
  return response.json();
}

async function start(document, inputs) {
  return (await api('/runs', { workflow: document, inputs })).id;
}

async function ticketOf(run) {
  const { items } = await api(`/approvals?run=${run}`);
  return items.at(-1).ticket;
}

const transfer = {
  metadata: { name: 'supplier-payment' },
  nodes: [
    {
      id: 'approve_payment',
      type: 'hitl',
      timeout_ms: 86_400_000,
      config: {
        message: 'Pay ${inputs.supplier} ${inputs.amount} EUR for invoice ${inputs.invoice}?',
        approvers: [{ role: 'admin' }, { role: 'finance' }],
        escalate: [{ after_ms: 14_400_000, to: { user: 'grace' } }],
        form: {
          type: 'object',
          title: 'How to pay it',
          required: ['account', 'urgent'],
          properties: {
            account: { enum: ['giro', 'savings'], title: 'Account', description: 'Where the money comes from.' },
            urgent: { type: 'boolean', title: 'Today?' },
            limit: { type: 'number', minimum: 1, maximum: 5000, title: 'Limit in EUR' },
            note: { type: 'string', title: 'Note for the supplier' },
          },
        },
      },
    },
  ],
  edges: [],
};
const payment = { supplier: 'Hopper & Sons', amount: 1840.5, invoice: 'R-2026-118', due: '2026-12-01', checked: true };

const shipping = {
  metadata: { name: 'shipping' },
  nodes: [
    { id: 'order', type: 'signal', config: { name: 'go' } },
    { id: 'in_stock', type: 'conditional' },
    { id: 'pack', type: 'transform', config: { template: 'packed' } },
    { id: 'reorder', type: 'transform', config: { template: 'ordered' } },
    { id: 'label', type: 'transform', config: { template: '$input' } },
    { id: 'ship', type: 'transform', config: { template: '$input' } },
    { id: 'done', type: 'transform', config: { template: '$input' } },
  ],
  edges: [
    { from: 'order', to: 'in_stock' },
    { from: 'in_stock', to: 'pack', condition: 'output.stock > 0' },
    { from: 'in_stock', to: 'reorder' },
    { from: 'reorder', to: 'pack' },
    { from: 'pack', to: 'label' },
    { from: 'label', to: 'ship' },
    { from: 'ship', to: 'done' },
  ],
};
const patch = {
  description: 'The customer asked to be told. I add a mail behind the label, and pack with care.',
  operations: [
    { op: 'add', path: '/nodes/-', value: { id: 'tell_customer', type: 'function', config: { name: 'send_mail', args: { template: 'shipped' } } } },
    { op: 'replace', path: '/nodes/pack/config/template', value: 'packed with care' },
    { op: 'remove', path: '/edges/label->ship' },
    { op: 'add', path: '/edges/-', value: { from: 'label', to: 'tell_customer' } },
    { op: 'add', path: '/edges/-', value: { from: 'tell_customer', to: 'ship', condition: 'true' } },
  ],
};

const browser = await puppeteer.launch({
  executablePath: process.env.BROWSER,
  args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server'],
});
const problems = [];
let checked = 0;

async function tab() {
  const page = await browser.newPage();
  await page.setJavaScriptEnabled(false);
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(pages)) problems.push(`asks elsewhere: ${request.url()}`);
  });
  page.on('dialog', (dialog) => problems.push(`dialog: ${dialog.message()}`));
  return page;
}

const looks = [
  ['desktop', { width: 1200, height: 900 }, 'light'],
  ['dark', { width: 1200, height: 900 }, 'dark'],
  ['phone', { width: 390, height: 844, isMobile: true, hasTouch: true }, 'light'],
];

// Looks at the page as it is from all sides. Scripts are on for the one that checks it only.
async function look(page, name) {
  for (const [side, viewport, scheme] of looks) {
    await page.setViewport(viewport);
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${name} on ${side}: ${wide} pixels are outside`);
    await page.screenshot({ path: join(out, `${name}-${side}.png`), fullPage: true });
    await page.setJavaScriptEnabled(true);
    await page.evaluate(axe);
    const found = await page.evaluate(() =>
      window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    await page.setJavaScriptEnabled(false);
    const said = found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(' | ').slice(0, 600)}`);
    assert.deepEqual(said, [], `${name} on ${side}: axe`);
    checked += 1;
  }
  await page.setViewport(looks[0][1]);
  await page.emulateMediaFeatures([]);
}

const text = (page, selector) => page.$eval(selector, (element) => element.textContent.trim());
const focused = (page) => page.evaluate(() => {
  const at = document.activeElement;
  return at.name || at.textContent.trim().slice(0, 40);
});

async function go(page, act) {
  await Promise.all([page.waitForNavigation(), act()]);
}

const paid = await start(transfer, payment);
const ticket = await ticketOf(paid);
const shipped = await start(shipping, {});
const change = (await api(`/runs/${shipped}/patches`, patch)).ticket;
await start({ nodes: [{ id: 'ask', type: 'hitl', config: { message: 'Publish the release notes?', quorum: 2 } }], edges: [] }, {});

const refund = {
  metadata: { name: 'refund' },
  nodes: [
    {
      id: 'approve_refund',
      type: 'hitl',
      config: { message: 'Refund ${inputs.customer}?', editable: ['/amount', '/lines/*/price', '/note'], fixed: ['/lines/0'] },
    },
  ],
  edges: [],
};
const order = { customer: 'Ada', amount: 120, note: 'late\nby a week', express: true, lines: [{ price: 80 }, { price: 40 }] };
const refunded = await start(refund, order);
const offered = await ticketOf(refunded);
const eyes = { nodes: [{ id: 'ask', type: 'hitl', config: { message: 'Close the books?', four_eyes: true } }], edges: [] };
const books = await ticketOf(await start(eyes, {}));

const page = await tab();
// A link leads to the login, and from there to its ticket.
await page.goto(`${pages}/tickets/${ticket}`);
assert.equal(await text(page, 'h1'), 'Sign in');
await look(page, 'login');
await page.type('#key', 'aob_wrong');
await go(page, () => page.keyboard.press('Enter'));
assert.match(await text(page, '#key-error'), /not known here/);
await look(page, 'login-wrong');
await page.type('#key', key);
await go(page, () => page.keyboard.press('Enter'));
assert.equal(await text(page, 'h1'), 'Pay Hopper & Sons 1840.5 EUR for invoice R-2026-118?');
await look(page, 'ticket');

// With the keyboard alone: past the header, to the content, through the form.
await page.keyboard.press('Tab');
assert.equal(await focused(page), 'Skip to the content');
await go(page, () => page.goto(`${pages}/`));
assert.equal((await page.$$('.row')).length, 5);
await look(page, 'inbox');
await page.focus(`a[href="/tickets/${ticket}"]`);
await go(page, () => page.keyboard.press('Enter'));

// The browser itself asks for what is required; the server says it again to those that do not.
await page.$eval('form[action$="decision"]', (form) => { form.noValidate = true; });
await page.type('[name="f.limit"]', '9000');
await page.type('#reason', 'checked with purchasing');
await go(page, () => page.click('button[value="approve"]'));
assert.equal(await text(page, '.banner h2'), 'Something is to be corrected');
assert.equal(await page.$eval('[name="f.limit"]', (field) => field.value), '9000');
await look(page, 'ticket-wrong');
await page.select('[name="f.account"]', '"giro"');
await page.click('[name="f.urgent"][value="true"]');
await page.$eval('[name="f.limit"]', (field) => { field.value = '2000'; });
const stale = await tab();
await stale.goto(`${pages}/tickets/${ticket}`);
await page.bringToFront();
await go(page, () => page.click('button[value="approve"]'));
assert.equal(await text(page, '.banner h2'), 'You approved this');
await look(page, 'ticket-approved');
let run;
do run = await api(`/runs/${paid}`); while (run.status !== 'completed');
assert.deepEqual(run.output.data, { account: 'giro', urgent: true, limit: 2000 });

// A second window that was open since before.
await stale.bringToFront();
await go(stale, () => stale.click('button[value="reject"]'));
assert.equal(await text(stale, '.banner h2'), 'It was decided before');
await look(stale, 'ticket-late');
await stale.close();

await page.bringToFront();
await page.goto(`${pages}/tickets/${change}`);
assert.equal(await text(page, 'h1'), 'Change the graph of shipping?');
await page.click('summary');
await look(page, 'patch');
await go(page, () => page.click('button[value="approve"]'));
assert.equal((await api(`/runs/${shipped}/graph`)).revision, 1, 'the patch is applied');
await look(page, 'patch-approved');

// Something is changed before it is approved; what is typed wrong is said at its field.
await page.goto(`${pages}/tickets/${offered}`);
await page.click('summary');
await look(page, 'edit');
assert.equal(await page.$('[name="e./lines/0/price"]'), null, 'what is fixed is not offered');
await page.$eval('[name="e./amount"]', (field) => { field.value = 'less'; });
await go(page, () => page.click('button[value="approve"]'));
assert.equal(await text(page, '.banner h2'), 'Something is to be corrected');
await look(page, 'edit-wrong');
await page.$eval('[name="e./amount"]', (field) => { field.value = '100'; });
await go(page, () => page.click('button[value="approve"]'));
assert.equal(await text(page, '.banner h2'), 'You approved this');
await look(page, 'edit-approved');
do run = await api(`/runs/${refunded}`); while (run.status !== 'completed');
assert.deepEqual(run.output.subject, { ...order, amount: 100 });
await page.goto(`${pages}/tickets/${offered}`);
await look(page, 'edit-replaced');

// Who started it approves it neither with a click nor by another form.
await page.goto(`${pages}/tickets/${books}`);
assert.equal(await page.$('button[value="approve"]'), null);
await look(page, 'four-eyes');

await page.goto(`${pages}/tickets/tk_none`);
await look(page, 'not-found');
await go(page, () => page.click('.who button'));
await page.goto(`${pages}/`);
assert.equal(await text(page, 'h1'), 'Sign in');

await browser.close();
assert.deepEqual(problems.filter((one) => !/status of (401|404|409|422)/.test(one)), []);
console.log(`pages: ${checked} views checked, pictures in target/pages`);
