/** One file or several, from this computer. */
import { FileInput } from '@mantine/core';
import { Icon } from '../../components/icons';
import { useComplaint, useForm } from '../context';
import { disguise, filesOf } from '../files';
import { described, fieldId, type FieldProps } from './props';

export function FileField(props: FieldProps & { several: boolean }) {
  const { schema, label, pointer, required, value, onChange, several } = props;
  const { disabled } = useForm();
  const error = useComplaint(pointer, null, true);
  const shared = {
    id: fieldId(pointer),
    label,
    description: described(schema),
    error,
    disabled,
    withAsterisk: required,
    clearable: true,
    leftSection: <Icon name="plus" size={16} />,
  };
  const chosen = filesOf(value);
  if (several) {
    return (
      <FileInput
        {...shared}
        multiple
        placeholder="Choose files"
        value={chosen}
        onChange={(files) => onChange(files.length > 0 ? disguise(files) : undefined)}
      />
    );
  }
  return (
    <FileInput
      {...shared}
      placeholder="Choose a file"
      value={chosen[0] ?? null}
      onChange={(file) => onChange(file ? disguise(file) : undefined)}
    />
  );
}
