/** Fields made of fields: objects and lists. */
import { ActionIcon, Box, Button, Fieldset, Group, Input, Stack, Text } from '@mantine/core';
import type { Json, JsonObject } from '../../api/types';
import { Icon } from '../../components/icons';
import { useComplaint, useForm } from '../context';
import { initial, initialObject, resolve, type Schema } from '../schema';
import { Field } from './Field';
import { described, fieldId, type FieldProps } from './props';

const asObject = (value: Json | undefined): JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};

interface ObjectProps {
  properties: Record<string, Schema>;
  required: string[];
  values: JsonObject;
  onChange: (values: JsonObject) => void;
  pointer: string;
}

const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

export function ObjectFields({ properties, required, values, onChange, pointer }: ObjectProps) {
  const set = (name: string, value: Json | undefined) => {
    const { [name]: _, ...rest } = values;
    onChange(value === undefined ? rest : { ...values, [name]: value });
  };
  return Object.entries(properties).map(([name, schema]) => (
    <Field
      key={name}
      name={name}
      schema={schema}
      pointer={`${pointer}/${escaped(name)}`}
      required={required.includes(name)}
      value={values[name]}
      onChange={(value) => set(name, value)}
    />
  ));
}

interface NestedProps extends FieldProps {
  properties: Record<string, Schema>;
  requiredNames: string[];
}

export function NestedField(props: NestedProps) {
  const { schema, label, pointer, nullable, value, onChange, properties, requiredNames } = props;
  const { disabled, root } = useForm();
  const error = useComplaint(pointer, null);
  const absent = value === undefined || value === null;
  return (
    <Fieldset legend={label} disabled={disabled} id={fieldId(pointer)}>
      <Stack gap="sm">
        {described(schema) ? (
          <Text size="sm" c="dimmed">
            {described(schema)}
          </Text>
        ) : null}
        {absent ? (
          <Box>
            <Button
              variant="default"
              size="xs"
              leftSection={<Icon name="plus" size={15} />}
              onClick={() => onChange(initialObject(properties, requiredNames, root))}
            >
              Fill in {label}
            </Button>
          </Box>
        ) : (
          <ObjectFields
            properties={properties}
            required={requiredNames}
            values={asObject(value)}
            onChange={onChange}
            pointer={pointer}
          />
        )}
        {nullable && !absent ? (
          <Box>
            <Button variant="default" size="xs" onClick={() => onChange(null)}>
              Leave {label} out
            </Button>
          </Box>
        ) : null}
        {error ? <Input.Error>{error}</Input.Error> : null}
      </Stack>
    </Fieldset>
  );
}

export function ListField(props: FieldProps & { item: Schema }) {
  const { schema, label, pointer, required, value, onChange, item } = props;
  const { disabled, root } = useForm();
  const error = useComplaint(pointer, null);
  const entries = Array.isArray(value) ? value : [];
  const full = schema.maxItems !== undefined && entries.length >= schema.maxItems;
  const name = resolve(item, root).title ?? label;
  const add = () => onChange([...entries, initial(item, root, true) ?? null]);
  const set = (index: number, entry: Json | undefined) =>
    onChange(entries.map((old, place) => (place === index ? (entry ?? null) : old)));
  return (
    <Fieldset legend={required ? `${label} *` : label} disabled={disabled} id={fieldId(pointer)}>
      <Stack gap="sm">
        {described(schema) ? (
          <Text size="sm" c="dimmed">
            {described(schema)}
          </Text>
        ) : null}
        {entries.map((entry, index) => (
          // The place is the only identity that an entry of a list has.
          <Group key={`${entries.length}-${index}`} align="flex-end" wrap="nowrap" gap="xs">
            <Box flex={1} miw={0}>
              <Field
                name={String(index)}
                label={`${name} ${index + 1}`}
                schema={item}
                pointer={`${pointer}/${index}`}
                required
                value={entry ?? undefined}
                onChange={(next) => set(index, next)}
              />
            </Box>
            <ActionIcon
              variant="default"
              size={36}
              aria-label={`Remove ${name} ${index + 1}`}
              onClick={() => onChange(entries.filter((_, place) => place !== index))}
            >
              <Icon name="cross" size={16} />
            </ActionIcon>
          </Group>
        ))}
        <Box>
          <Button variant="default" size="xs" leftSection={<Icon name="plus" size={15} />} onClick={add} disabled={full}>
            Add an entry
          </Button>
        </Box>
        {error ? <Input.Error>{error}</Input.Error> : null}
      </Stack>
    </Fieldset>
  );
}
