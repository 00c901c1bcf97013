/** Picks the field for a part of the schema. */
import { fieldOf, titleOf, type Schema } from '../schema';
import type { Json } from '../../api/types';
import { useForm } from '../context';
import { BooleanField, ChoiceField, ChoicesField } from './choices';
import { FileField } from './FileField';
import { JsonField } from './JsonField';
import { ListField, NestedField } from './groups';
import { NumberField } from './NumberField';
import type { FieldProps } from './props';
import { SecretField, TextField } from './text';
import { DateTimeField, DurationField } from './times';

export interface Named {
  name: string;
  schema: Schema;
  pointer: string;
  required: boolean;
  value: Json | undefined;
  onChange: (value: Json | undefined) => void;
  label?: string;
}

export function Field({ name, schema: raw, pointer, required, value, onChange, label }: Named) {
  const { root } = useForm();
  const { schema, nullable, field } = fieldOf(raw, root);
  const props: FieldProps = {
    schema,
    nullable,
    pointer,
    required: required && !nullable,
    value,
    onChange,
    label: label ?? titleOf(name, schema),
  };
  switch (field.kind) {
    case 'choice':
      return <ChoiceField {...props} choices={field.choices} />;
    case 'choices':
      return <ChoicesField {...props} choices={field.choices} />;
    case 'boolean':
      return <BooleanField {...props} />;
    case 'integer':
    case 'number':
      return <NumberField {...props} whole={field.kind === 'integer'} />;
    case 'secret':
      return <SecretField {...props} />;
    case 'date-time':
      return <DateTimeField {...props} />;
    case 'duration':
      return <DurationField {...props} />;
    case 'text':
    case 'multiline':
    case 'decimal':
    case 'uuid':
    case 'date':
    case 'time':
      return <TextField {...props} kind={field.kind} />;
    case 'file':
      return <FileField {...props} several={field.several} />;
    case 'list':
      return <ListField {...props} item={field.item} />;
    case 'object':
      return <NestedField {...props} properties={field.properties} requiredNames={field.required} />;
    default:
      return <JsonField {...props} />;
  }
}
