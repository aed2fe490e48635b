package dev.sfumato.evaluation;

import dev.sfumato.nn.Conv2d;
import dev.sfumato.nn.Linear;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Tensor;

/**
 * Three 3 x 3 convolutions, each with ReLU, the first two with 2 x 2 max pooling, and a linear
 * layer: 87,114 parameters for ten classes of gray pictures of 28 x 28 pixels.
 */
final class ClassifierNetwork extends Module {
  private static final int WIDTH = 64;

  private final Conv2d first;
  private final Conv2d second = new Conv2d(WIDTH / 2, WIDTH, 3, 1, 1);
  private final Conv2d third = new Conv2d(WIDTH, WIDTH, 3, 1, 1);
  private final Linear last;

  ClassifierNetwork(ClassifierCard card) {
    first = new Conv2d(card.channels(), WIDTH / 2, 3, 1, 1);
    int lastSide = card.side() / 4;
    last = new Linear(WIDTH * lastSide * lastSide, card.classNames().size());
  }

  /** Pictures (B, C, S, S) in [-1, 1] to logits (B, classes). */
  Tensor forward(Tensor x) {
    Tensor half = Functional.maxPool2d(Functional.relu(first.forward(x)), 2);
    Tensor quarter = Functional.maxPool2d(Functional.relu(second.forward(half)), 2);
    Tensor features = Functional.relu(third.forward(quarter));
    return last.forward(features.reshape(x.size(0), -1));
  }
}
