/** Optimizers as Keras 3 has them: one step along a network's gradients, which are then set to zero. */

export class Adam {
  constructor(network, rate, { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = {}) {
    const length = network.values.length;
    Object.assign(this, { network, rate, beta1, beta2, epsilon, steps: 0 });
    this.mean = new network.Float(length);
    this.square = new network.Float(length);
  }

  step() {
    const { network, beta1, beta2, epsilon, mean, square } = this, { values, gradients } = network;
    this.steps++;
    const rate = (this.rate * Math.sqrt(1 - beta2 ** this.steps)) / (1 - beta1 ** this.steps);
    for (let j = 0; j < values.length; j++) {
      const g = gradients[j];
      mean[j] += (g - mean[j]) * (1 - beta1);
      square[j] += (g * g - square[j]) * (1 - beta2);
      values[j] -= (rate * mean[j]) / (Math.sqrt(square[j]) + epsilon);
    }
    network.clear();
  }
}

/** Gradient descent, with momentum if there is any. */
export class SGD {
  constructor(network, rate, { momentum = 0, nesterov = false } = {}) {
    Object.assign(this, { network, rate, momentum, nesterov, velocity: new network.Float(network.values.length) });
  }

  step() {
    const { network, rate, momentum, nesterov, velocity } = this, { values, gradients } = network;
    for (let j = 0; j < values.length; j++) {
      const push = -rate * gradients[j];
      velocity[j] = momentum * velocity[j] + push;
      values[j] += nesterov ? momentum * velocity[j] + push : velocity[j];
    }
    network.clear();
  }
}

/** The optimizers by their names in the settings. */
export const OPTIMIZERS = {
  adam0: [Adam, { beta1: 0, beta2: 0.99 }],
  adam5: [Adam, { beta1: 0.5, beta2: 0.99 }],
  adam9: [Adam, { beta1: 0.9, beta2: 0.999 }],
  sgd: [SGD, {}],
  momentum: [SGD, { momentum: 0.9 }],
};
