/** The look: one accent colour, calm neutrals, and tokens whose contrast holds in light and dark. */
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

const harbor: MantineColorsTuple = [
  '#eef6fa',
  '#d9eaf2',
  '#b3d4e4',
  '#8abdd6',
  '#67a8c8',
  '#4f9abf',
  '#3b88ae',
  '#2d7396',
  '#1f5673',
  '#17445c',
];

const dark: MantineColorsTuple = [
  '#dbe1e7',
  '#bcc6cf',
  '#9fabb7',
  '#7a8794',
  '#414c57',
  '#343e48',
  '#222a32',
  '#171d23',
  '#11161b',
  '#0b0f13',
];

/** The header of a dialog is no banner of the page. */
const PLAIN_HEADER = { header: { role: 'none' } };
const DIALOG_TITLE = { title: { fontWeight: 600 } };

export const theme = createTheme({
  colors: { harbor, dark },
  primaryColor: 'harbor',
  primaryShade: { light: 8, dark: 7 },
  defaultRadius: 'md',
  cursorType: 'pointer',
  fontFamily:
    'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", SFMono-Regular, Menlo, "Cascadia Mono", Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace',
  headings: {
    fontWeight: '620',
    sizes: {
      h1: { fontSize: '1.5rem', lineHeight: '1.3' },
      h2: { fontSize: '1.0625rem', lineHeight: '1.4' },
      h3: { fontSize: '0.9375rem', lineHeight: '1.4' },
    },
  },
  components: {
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true } },
    Modal: { defaultProps: { centered: true, radius: 'lg', padding: 'lg', attributes: PLAIN_HEADER }, styles: DIALOG_TITLE },
    Drawer: { defaultProps: { padding: 'lg', attributes: PLAIN_HEADER }, styles: DIALOG_TITLE },
    Fieldset: { styles: { legend: { fontWeight: 500, fontSize: 'var(--mantine-font-size-sm)' } } },
    Anchor: { defaultProps: { underline: 'hover' } },
  },
});

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#57636f',
    '--mantine-color-placeholder': '#69747f',
    '--mantine-color-error': '#b42318',
    '--mantine-color-text': '#1b2329',
    '--mantine-color-anchor': '#1b5d80',
  },
  dark: {
    '--mantine-color-dimmed': '#a3afba',
    '--mantine-color-placeholder': '#8e9aa6',
    '--mantine-color-error': '#ff9a8f',
    '--mantine-color-text': '#dbe1e7',
    '--mantine-color-anchor': '#8cc6e2',
  },
});
