/** The passes and their parameters as plain lists, read from the recipe schema that the core makes from their declarations. */
import type { ParamInfo, ParamValue, PassInfo } from './types.ts';

interface Property {
  description?: string;
  minimum?: number;
  maximum?: number;
  default?: ParamValue;
  enum?: string[];
  'x-type'?: ParamInfo['type'];
  'x-unit'?: string;
}

interface Definition {
  title: string;
  description: string;
  required: string[];
  properties: Record<string, Property>;
  'x-kind': string;
  'x-needs-data': boolean;
}

function param(name: string, property: Property, required: boolean): ParamInfo {
  const info: ParamInfo = {
    name,
    type: property['x-type'] ?? 'text',
    unit: property['x-unit'] ?? '',
    help: property.description ?? '',
    required,
  };
  if (property.minimum !== undefined) info.minimum = property.minimum;
  if (property.maximum !== undefined) info.maximum = property.maximum;
  if (property.default !== undefined) info.default = property.default;
  if (property.enum) info.choices = property.enum;
  return info;
}

export function passesOf(schema: Record<string, unknown>): PassInfo[] {
  const definitions = schema.$defs as Record<string, Definition>;
  return Object.entries(definitions)
    .filter(([, definition]) => definition['x-kind'] !== undefined)
    .map(([name, definition]) => ({
      name,
      title: definition.title,
      help: definition.description,
      kind: definition['x-kind'],
      needsData: definition['x-needs-data'],
      params: Object.entries(definition.properties)
        .filter(([, property]) => property['x-type'] !== undefined)
        .map(([param_name, property]) => param(param_name, property, definition.required.includes(param_name))),
    }));
}
