package dev.sfumato.clip;

import dev.sfumato.nn.BatchNorm2d;
import dev.sfumato.nn.Conv2d;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The residual network of CLIP (Radford et al., 2021, section 2.4): three convolutions as a stem,
 * average pooling before each halving convolution, and attention instead of the last average.
 */
final class ModifiedResNet extends ImageEncoder {
  private final Conv2d conv1;
  private final BatchNorm2d bn1;
  private final Conv2d conv2;
  private final BatchNorm2d bn2;
  private final Conv2d conv3;
  private final BatchNorm2d bn3;
  private final List<Bottleneck> layer1;
  private final List<Bottleneck> layer2;
  private final List<Bottleneck> layer3;
  private final List<Bottleneck> layer4;
  private final AttentionPool attnpool;

  ModifiedResNet(ClipConfig.ResNet config, int embedDim) {
    int width = config.width();
    conv1 = new Conv2d(3, width / 2, 3, 2, 1, false);
    bn1 = new BatchNorm2d(width / 2);
    conv2 = new Conv2d(width / 2, width / 2, 3, 1, 1, false);
    bn2 = new BatchNorm2d(width / 2);
    conv3 = new Conv2d(width / 2, width, 3, 1, 1, false);
    bn3 = new BatchNorm2d(width);
    layer1 = stage(width, width, config.layers().get(0), 1);
    layer2 = stage(4 * width, 2 * width, config.layers().get(1), 2);
    layer3 = stage(8 * width, 4 * width, config.layers().get(2), 2);
    layer4 = stage(16 * width, 8 * width, config.layers().get(3), 2);
    attnpool = new AttentionPool(config.imageSize() / 32, 32 * width, config.heads(), embedDim);
  }

  private static List<Bottleneck> stage(int in, int width, int blocks, int stride) {
    List<Bottleneck> stage = new ArrayList<>();
    for (int i = 0; i < blocks; i++) {
      stage.add(new Bottleneck(i == 0 ? in : 4 * width, width, i == 0 ? stride : 1));
    }
    return List.copyOf(stage);
  }

  @Override
  Tensor forward(Tensor images, Layers layers) {
    Tensor x = Functional.relu(bn1.forward(conv1.forward(images)));
    x = Functional.relu(bn2.forward(conv2.forward(x)));
    x = Functional.relu(bn3.forward(conv3.forward(x)));
    x = layers.seen(Functional.avgPool2d(x, 2));
    for (List<Bottleneck> stage : List.of(layer1, layer2, layer3, layer4)) {
      for (Bottleneck block : stage) {
        x = block.forward(x);
      }
      layers.seen(x);
    }
    return attnpool.forward(x);
  }

  /** A residual block with a narrow middle; its output has four times that width. */
  private static final class Bottleneck extends Module {
    private final Conv2d conv1;
    private final BatchNorm2d bn1;
    private final Conv2d conv2;
    private final BatchNorm2d bn2;
    private final Conv2d conv3;
    private final BatchNorm2d bn3;
    private final List<Module> downsample;
    private final int stride;

    Bottleneck(int in, int width, int stride) {
      int out = 4 * width;
      this.stride = stride;
      conv1 = new Conv2d(in, width, 1, 1, 0, false);
      bn1 = new BatchNorm2d(width);
      conv2 = new Conv2d(width, width, 3, 1, 1, false);
      bn2 = new BatchNorm2d(width);
      conv3 = new Conv2d(width, out, 1, 1, 0, false);
      bn3 = new BatchNorm2d(out);
      downsample =
          stride == 1 && in == out
              ? null
              : List.of(new Conv2d(in, out, 1, 1, 0, false), new BatchNorm2d(out));
    }

    Tensor forward(Tensor x) {
      Tensor y = Functional.relu(bn1.forward(conv1.forward(x)));
      y = smaller(Functional.relu(bn2.forward(conv2.forward(y))));
      y = bn3.forward(conv3.forward(y));
      return Functional.relu(y.add(shortcut(x)));
    }

    private Tensor shortcut(Tensor x) {
      return downsample == null
          ? x
          : ((BatchNorm2d) downsample.get(1))
              .forward(((Conv2d) downsample.get(0)).forward(smaller(x)));
    }

    private Tensor smaller(Tensor x) {
      return stride == 1 ? x : Functional.avgPool2d(x, stride);
    }
  }
}
