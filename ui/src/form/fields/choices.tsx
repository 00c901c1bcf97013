/** Yes or no, one of several, some of several. */
import { Checkbox, MultiSelect, Select } from '@mantine/core';
import { useComplaint, useForm } from '../context';
import type { Choice } from '../schema';
import type { Json } from '../../api/types';
import { described, emptied, fieldId, type FieldProps } from './props';

// Choices may be numbers or booleans; the widgets know only text, so a choice is known by its place.
const data = (choices: Choice[]) => choices.map((choice, index) => ({ value: String(index), label: choice.label }));
const placeOf = (choices: Choice[], value: Json | undefined): string | null => {
  const index = choices.findIndex((choice) => choice.value === value);
  return index < 0 ? null : String(index);
};

export function BooleanField(props: FieldProps) {
  const { schema, label, pointer, value, onChange, nullable } = props;
  const { disabled } = useForm();
  const error = useComplaint(pointer, null);
  if (nullable) {
    const yesNo: Choice[] = [
      { value: true, label: 'Yes' },
      { value: false, label: 'No' },
    ];
    return <ChoiceField {...props} choices={yesNo} />;
  }
  return (
    <Checkbox
      id={fieldId(pointer)}
      label={label}
      description={described(schema)}
      error={error}
      disabled={disabled}
      checked={value === true}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}

export function ChoiceField(props: FieldProps & { choices: Choice[] }) {
  const { schema, label, pointer, required, value, onChange, choices, nullable } = props;
  const { disabled } = useForm();
  const error = useComplaint(pointer, null);
  return (
    <Select
      id={fieldId(pointer)}
      label={label}
      description={described(schema)}
      error={error}
      disabled={disabled}
      withAsterisk={required}
      data={data(choices)}
      value={placeOf(choices, value)}
      placeholder={nullable ? 'Not set' : 'Choose one'}
      searchable={choices.length > 8}
      clearable={nullable}
      allowDeselect={false}
      checkIconPosition="right"
      onChange={(place) => onChange(place === null ? emptied(props, false) : choices[Number(place)]?.value)}
    />
  );
}

export function ChoicesField(props: FieldProps & { choices: Choice[] }) {
  const { schema, label, pointer, required, value, onChange, choices } = props;
  const { disabled } = useForm();
  const error = useComplaint(pointer, null, true);
  const chosen = Array.isArray(value) ? value.map((item) => placeOf(choices, item)).filter((p) => p !== null) : [];
  return (
    <MultiSelect
      id={fieldId(pointer)}
      label={label}
      description={described(schema)}
      error={error}
      disabled={disabled}
      withAsterisk={required}
      data={data(choices)}
      value={chosen}
      placeholder={chosen.length === 0 ? 'Choose any' : undefined}
      clearable
      onChange={(places) => onChange(places.map((place) => choices[Number(place)]?.value ?? null))}
    />
  );
}
