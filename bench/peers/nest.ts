/**
 * Nest with asynchronous providers, its documented way to hold dependents back until something has started.
 */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Boot, Start } from '../boot/contender.ts';
import type { Needs } from '../boot/shape.ts';

export function define(needs: Needs, start: Start): Boot {
  const providers = needs.map((list, service) => ({
    provide: `S${service}`,
    useFactory: async () => {
      await start(service);
      return { service };
    },
    inject: list.map((need) => `S${need}`),
  }));
  class App {}
  Module({ providers })(App);
  return async () => {
    await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
  };
}
