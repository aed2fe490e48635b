package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.nn.Embedding;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Weights;
import dev.sfumato.tensor.Autocast;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The network of a pixel model: a U-Net with optional class labels. The weights of the U-Net are
 * named {@code unet.*}, the class vectors {@code class_emb.weight}.
 *
 * <p>It reads only the labels of a {@link Condition}; without labels, no sample has a class.
 */
public final class ClassConditionedUNet extends Module implements Denoiser {
  private final UNet2DModel unet;
  private final Embedding classEmb;
  private ClassConditioning conditioning;

  /**
   * Makes a network whose weights are not set yet.
   *
   * @throws SfumatoException if the U-Net cannot take the labels in this way
   */
  public ClassConditionedUNet(UNet2DConfig config, ClassConditioning conditioning) {
    requireRoomForLabels(config, conditioning);
    this.conditioning = conditioning;
    try (Construction parts = Construction.begin()) {
      unet = new UNet2DModel(config);
      classEmb =
          conditioning.type() == ClassConditioning.Type.CHANNELS
              ? new Embedding(conditioning.numClasses(), conditioning.embeddingSize())
              : null;
      parts.complete();
    }
  }

  private static void requireRoomForLabels(UNet2DConfig config, ClassConditioning conditioning) {
    int extra = conditioning.extraChannels();
    if (config.inChannels() <= extra) {
      throw new SfumatoException(
          "in_channels is "
              + config.inChannels()
              + ", but class conditioning alone takes "
              + extra
              + " channels");
    }
    if (conditioning.type() == ClassConditioning.Type.EMBEDDING
        && config.numClassEmbeds().orElse(0) < conditioning.numClasses()) {
      throw new SfumatoException(
          "num_class_embeds must be at least num_classes " + conditioning.numClasses());
    }
  }

  /** Returns the configuration of the U-Net. */
  public UNet2DConfig config() {
    return unet.config();
  }

  /**
   * Loads the weights of the U-Net and of the classes, each from its own file.
   *
   * @param classVectors present if and only if the classes have vectors outside the U-Net
   * @throws SfumatoException naming weights that are missing, unexpected, wrongly shaped or not
   *     finite
   */
  public void load(Weights unet, Optional<Weights> classVectors) {
    if (classVectors.isPresent() != (classEmb != null)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "class conditioning %s %s: see class_conditioning",
              conditioning.type(),
              classEmb == null ? "has no vectors of its own" : "needs vectors"));
    }
    this.unet.load(unet);
    classVectors.ifPresent(vectors -> classEmb.load(vectors));
  }

  /**
   * Names the size of the pictures that the network is trained on, and will draw unless another is
   * asked for.
   *
   * @param height in pixels
   * @param width in pixels
   */
  public void sampleSize(int height, int width) {
    unet.sampleSize(height, width);
  }

  /** Returns the way in which class labels reach the U-Net. */
  public ClassConditioning conditioning() {
    return conditioning;
  }

  /**
   * Names the classes as in the training data.
   *
   * @param names by label; ignored if the classes have names already or their number differs
   */
  public void nameClasses(List<String> names) {
    if (conditioning.classNames().isEmpty() && names.size() == conditioning.numClasses()) {
      conditioning = conditioning.withClassNames(names);
    }
  }

  /**
   * Returns the number of channels of a picture: the U-Net's input channels without those for the
   * class.
   */
  @Override
  public int channels() {
    return unet.config().inChannels() - conditioning.extraChannels();
  }

  @Override
  public void requireSize(long height, long width) {
    config().requireDivisible(height, width);
  }

  /**
   * Returns true if {@link ClassConditioning#NO_CLASS} has a meaning, as classifier-free guidance
   * needs.
   */
  public boolean knowsNoClass() {
    return switch (conditioning.type()) {
      case NONE -> false;
      case CHANNELS, ONE_HOT -> true;
      case EMBEDDING -> unet.config().numClassEmbeds().orElse(0) > conditioning.numClasses();
    };
  }

  /**
   * Returns the condition that asks for classes.
   *
   * @param labels repeated to fill {@code count}; empty for no class in particular
   * @return labels (count), in the current scope
   * @throws SfumatoException if the model does not know a class, or needs one and gets none
   */
  public Condition given(long[] labels, int count) {
    Arrays.stream(labels).forEach(conditioning::requireLabel);
    if (labels.length == 0 && conditioning.numClasses() > 0 && !knowsNoClass()) {
      throw new SfumatoException(
          "the model is class-conditioned: say which of its "
              + conditioning.numClasses()
              + " classes to draw");
    }
    long[] each = new long[count];
    Arrays.setAll(
        each, i -> labels.length == 0 ? ClassConditioning.NO_CLASS : labels[i % labels.length]);
    return Condition.ofLabels(Tensor.of(each, count));
  }

  /** Returns the condition that asks for no class in particular, if the model has one. */
  public Optional<Condition> missing() {
    return knowsNoClass()
        ? Optional.of(Condition.ofLabels(Tensor.of(new long[] {ClassConditioning.NO_CLASS}, 1)))
        : Optional.empty();
  }

  @Override
  public Tensor forward(Tensor x, Tensor timesteps, Condition condition) {
    try (Autocast region = Autocast.open(precision())) {
      return predict(x, timesteps, condition).to(DType.FLOAT32);
    }
  }

  private Tensor predict(Tensor x, Tensor timesteps, Condition condition) {
    return switch (conditioning.type()) {
      case NONE -> unet.forward(x, timesteps);
      case EMBEDDING -> unet.forward(x, timesteps, noClassLast(labels(x, condition)));
      case CHANNELS -> unet.forward(withChannels(x, classVectors(labels(x, condition))), timesteps);
      case ONE_HOT -> unet.forward(withChannels(x, oneHot(labels(x, condition))), timesteps);
    };
  }

  /** Returns the labels of {@code condition}, one for each sample of {@code x}. */
  private static Tensor labels(Tensor x, Condition condition) {
    return condition
        .labels()
        .map(labels -> labels.expand(x.size(0)))
        .orElseGet(
            () -> Tensor.full(x.device(), ClassConditioning.NO_CLASS, x.size(0)).to(DType.INT64));
  }

  /** Replaces "no class" with the index of the vector that follows those of the classes. */
  private Tensor noClassLast(Tensor labels) {
    Tensor last = Tensor.full(labels.device(), conditioning.numClasses()).to(DType.INT64);
    return last.where(labels.lessThan(0), labels);
  }

  /** Looks up the class vectors, with zeros for "no class". */
  private Tensor classVectors(Tensor labels) {
    Tensor known = labels.lessThan(0).to(DType.FLOAT32).neg().add(1).unsqueeze(1);
    Tensor rows = labels.clamp(0, conditioning.numClasses() - 1).to(DType.INT64);
    return classEmb.forward(rows).mul(known);
  }

  private Tensor oneHot(Tensor labels) {
    Tensor classes = Tensor.arange(labels.device(), conditioning.numClasses());
    return labels.unsqueeze(1).equalTo(classes).to(DType.FLOAT32);
  }

  /** Concatenates {@code vectors} (B, N), repeated over the picture: (B, C + N, H, W). */
  private static Tensor withChannels(Tensor x, Tensor vectors) {
    return Scope.run(
        () -> {
          Tensor planes = vectors.unsqueeze(2).unsqueeze(3).expand(-1, -1, x.size(2), x.size(3));
          return Tensor.cat(List.of(x, planes), 1);
        });
  }
}
