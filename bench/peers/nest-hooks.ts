/**
 * Nest with classes that start in `onModuleInit`: it calls the hooks of one module level by level, each level when the
 * one below has ended.
 */
import 'reflect-metadata';
import { Inject, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Boot, Start } from '../boot/contender.ts';
import type { Needs } from '../boot/shape.ts';

export function define(needs: Needs, start: Start): Boot {
  const classes: (new () => OnModuleInit)[] = [];
  needs.forEach((list, service) => {
    class Service implements OnModuleInit {
      async onModuleInit() {
        await start(service);
      }
    }
    Injectable()(Service);
    list.forEach((need, index) => Inject(classes[need])(Service, undefined, index));
    classes.push(Service);
  });
  class App {}
  Module({ providers: classes })(App);
  return async () => {
    await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
  };
}
