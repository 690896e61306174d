/** Optimizers as Keras 3 has them: one step of length `rate` along a network's gradients, which are then set to zero. */
import { root } from "./root.js";

const UNDER = 1e-7; // added to the root, as Keras does

export class Adam {
  constructor(network, { beta1, beta2 }) {
    const length = network.values.length;
    Object.assign(this, { network, beta1, beta2, steps: 0 });
    this.mean = new network.Float(length);
    this.square = new network.Float(length);
  }

  step() {
    const { network, beta1, beta2, mean, square } = this, { values, gradients } = network;
    this.steps++;
    const rate = (this.rate * root(1 - beta2 ** this.steps)) / (1 - beta1 ** this.steps);
    for (let j = 0; j < values.length; j++) {
      const g = gradients[j];
      mean[j] += (g - mean[j]) * (1 - beta1);
      square[j] += (g * g - square[j]) * (1 - beta2);
      values[j] -= (rate * mean[j]) / (root(square[j]) + UNDER);
    }
    network.clear();
  }
}

/** Gradient descent with momentum. */
export class SGD {
  constructor(network, { momentum }) {
    Object.assign(this, { network, momentum, velocity: new network.Float(network.values.length) });
  }

  step() {
    const { network, rate, momentum, velocity } = this, { values, gradients } = network;
    for (let j = 0; j < values.length; j++) {
      velocity[j] = momentum * velocity[j] - rate * gradients[j];
      values[j] += velocity[j];
    }
    network.clear();
  }
}

/** The optimizers by their names in the settings. */
export const OPTIMIZERS = {
  adam0: [Adam, { beta1: 0, beta2: 0.99 }],
  adam5: [Adam, { beta1: 0.5, beta2: 0.99 }],
  adam9: [Adam, { beta1: 0.9, beta2: 0.999 }],
  sgd: [SGD, { momentum: 0 }],
  momentum: [SGD, { momentum: 0.9 }],
};
