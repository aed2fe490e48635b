package dev.sfumato.model;

import dev.sfumato.nn.Activation;
import dev.sfumato.nn.Conv2d;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;

/** A residual block that gets the time through its normalisations: {@link AdaGroupNorm}. */
final class KResnetBlock extends Module {
  private final AdaGroupNorm norm1;
  private final Conv2d conv1;
  private final AdaGroupNorm norm2;
  private final Conv2d conv2;
  private final Conv2d convShortcut;
  private final Activation activation;
  private final double dropout;

  /** Channels of the input, the middle and the output, and groups of the normalisations. */
  record Shape(int in, int middle, int out, int groups, int groupsMiddle) {}

  KResnetBlock(UNet2DConfig config, Shape shape) {
    norm1 = new AdaGroupNorm(config, shape.in(), shape.groups(), config.normEps());
    conv1 = new Conv2d(shape.in(), shape.middle(), 3, 1, 1);
    norm2 = new AdaGroupNorm(config, shape.middle(), shape.groupsMiddle(), config.normEps());
    conv2 = new Conv2d(shape.middle(), shape.out(), 3, 1, 1);
    convShortcut =
        shape.in() == shape.out() ? null : new Conv2d(shape.in(), shape.out(), 1, 1, 0, false);
    activation = config.activation();
    dropout = config.dropout();
  }

  /** Maps features (B, in, H, W) and time embedding (B, T) to (B, out, H, W). */
  Tensor forward(Tensor x, Tensor time) {
    try (Scope scope = Scope.open()) {
      Tensor h = activated(norm1, x, time);
      h = scope.replace(h, conv1.forward(h));
      h = scope.replace(h, activated(norm2, h, time));
      h = scope.replace(h, dropout(h, dropout));
      h = scope.replace(h, conv2.forward(h));
      return scope.keep(h.add_(convShortcut == null ? x : convShortcut.forward(x), 1));
    }
  }

  private Tensor activated(AdaGroupNorm norm, Tensor x, Tensor time) {
    return Scope.run(() -> activation.apply(norm.forward(x, time)));
  }
}
