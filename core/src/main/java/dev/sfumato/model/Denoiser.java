package dev.sfumato.model;

import dev.sfumato.SfumatoException;
import dev.sfumato.nn.Embedding;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Autocast;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * The network of a diffusion model: a U-Net and, if the model is conditioned, the way its class
 * labels reach it. The weights of the U-Net are named {@code unet.*}, the class vectors {@code
 * class_emb.weight}.
 */
public final class Denoiser extends Module {
  /** The label that stands for "no class in particular". */
  public static final long NO_CLASS = -1;

  private final UNet2DModel unet;
  private final Embedding classEmb;
  private final ClassConditioning conditioning;

  /**
   * A network whose weights are not set yet.
   *
   * @throws SfumatoException if the U-Net cannot take the labels in this way
   */
  public Denoiser(UNet2DConfig config, ClassConditioning conditioning) {
    requireRoomForLabels(config, conditioning);
    this.conditioning = conditioning;
    unet = new UNet2DModel(config);
    classEmb =
        conditioning.type() == ClassConditioning.Type.CHANNELS
            ? new Embedding(conditioning.numClasses(), conditioning.embeddingSize())
            : null;
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

  /** The U-Net. */
  public UNet2DModel unet() {
    return unet;
  }

  /** The learned vectors of the classes, where the model has any beside the U-Net's. */
  public Optional<Embedding> classVectors() {
    return Optional.ofNullable(classEmb);
  }

  /** How class labels reach the U-Net. */
  public ClassConditioning conditioning() {
    return conditioning;
  }

  /** The number of channels of a picture: the U-Net's input without those that carry the class. */
  public int channels() {
    return unet.config().inChannels() - conditioning.extraChannels();
  }

  /** Whether {@link #NO_CLASS} has a meaning, as classifier-free guidance needs. */
  public boolean knowsNoClass() {
    return switch (conditioning.type()) {
      case NONE -> false;
      case CHANNELS, ONE_HOT -> true;
      case EMBEDDING -> unet.config().numClassEmbeds().orElse(0) > conditioning.numClasses();
    };
  }

  /**
   * Predicts what the scheduler's prediction type says, usually the noise.
   *
   * @param x noisy pictures (B, C, H, W)
   * @param timesteps (B)
   * @param labels classes (B) int64, {@link #NO_CLASS} for none; not read by an unconditioned model
   * @return (B, C', H, W), with 2C channels where the model also predicts variances
   */
  public Tensor forward(Tensor x, Tensor timesteps, Tensor labels) {
    try (Autocast region = Autocast.open()) {
      return predict(x, timesteps, labels).to(DType.FLOAT32);
    }
  }

  private Tensor predict(Tensor x, Tensor timesteps, Tensor labels) {
    return switch (conditioning.type()) {
      case NONE -> unet.forward(x, timesteps);
      case EMBEDDING -> unet.forward(x, timesteps, noClassLast(labels));
      case CHANNELS -> unet.forward(withChannels(x, classVectors(labels)), timesteps);
      case ONE_HOT -> unet.forward(withChannels(x, oneHot(labels)), timesteps);
    };
  }

  /** "No class" is the vector that follows those of the classes. */
  private Tensor noClassLast(Tensor labels) {
    Tensor last = Tensor.full(conditioning.numClasses()).to(DType.INT64).to(labels.device());
    return last.where(labels.lessThan(0), labels);
  }

  /** "No class" is the vector of zeros. */
  private Tensor classVectors(Tensor labels) {
    Tensor known = labels.lessThan(0).to(DType.FLOAT32).neg().add(1).unsqueeze(1);
    Tensor rows = labels.clamp(0, conditioning.numClasses() - 1).to(DType.INT64);
    return classEmb.forward(rows).mul(known);
  }

  private Tensor oneHot(Tensor labels) {
    Device device = labels.device();
    Tensor classes = Tensor.arange(conditioning.numClasses()).to(device);
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
