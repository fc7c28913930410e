/**
 * What Inversify costs an app whatever starts its services: decorate, bind and get, in the order of the plan.
 */
import { Container } from 'inversify';
import { type Class, service } from '@muster/core';
import type { Boot, Start } from './contender.ts';
import type { Needs } from './shape.ts';

export function define(needs: Needs, start: Start): Boot {
  const classes = decorated(needs);
  return async () => {
    const container = new Container({ defaultScope: 'Singleton' });
    for (const each of classes) container.bind(each).toSelf().inSingletonScope();
    classes.forEach((each, index) => {
      container.get(each);
      void start(index);
    });
  };
}

function decorated(needs: Needs): Class[] {
  const classes: Class[] = [];
  for (const list of needs) {
    const made = class {};
    service({ dependsOn: list.map((need) => classes[need] as Class) } as never)(made as never);
    classes.push(made);
  }
  return classes;
}
