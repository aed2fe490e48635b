package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.Dataset;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.Condition;
import dev.sfumato.model.Denoiser;
import dev.sfumato.model.Posterior;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.nn.Module;
import dev.sfumato.picture.Size;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Latents of a frozen autoencoder, and captions read by a frozen text encoder. */
final class LatentTask implements DenoisingTask {
  private static final String NO_TEXT = "";

  private final StableDiffusionPipeline pipeline;
  private final LatentCache cache;
  private final RowCache<Picture> moments;
  private final RowCache<String> texts;
  private final Set<String> known = new HashSet<>(Set.of(NO_TEXT));

  /**
   * A picture of a batch.
   *
   * @param moving whether another part of it is taken in each epoch
   */
  private record Picture(Tensor image, boolean moving) {}

  /**
   * @param cache the place for encoded pictures and captions
   */
  LatentTask(StableDiffusionPipeline pipeline, LatentCache cache) {
    this.pipeline = pipeline;
    this.cache = cache;
    moments =
        new RowCache<>(
            cache.store(() -> "vae-" + fingerprint(pipeline.autoencoder().parameters())),
            LatentTask::key,
            picture -> moments(picture.image()));
    texts =
        new RowCache<>(
            cache.store(() -> "text-" + fingerprint(pipeline.textEncoders())),
            this::key,
            text -> pipeline.tokens(List.of(text)));
  }

  private String fingerprint(Map<String, Tensor> weights) {
    return Fingerprint.of(weights, denoiser().device().type() + " " + pipeline.precision());
  }

  @Override
  public Module network() {
    return pipeline.network();
  }

  @Override
  public Denoiser denoiser() {
    return pipeline.denoiser();
  }

  /**
   * Requires pictures with captions, in the autoencoder's channels and sizes.
   *
   * @throws SfumatoException naming the mismatch
   */
  @Override
  public void prepare(Dataset dataset, Objective objective) {
    if (dataset.captions().isEmpty()) {
      throw new SfumatoException(
          "the model learns from texts, but the pictures have none: name their column with"
              + " `captionColumn`, or add a metadata.jsonl with file_name and text");
    }
    known.addAll(dataset.captions());
    requireKind();
    AutoencoderKL autoencoder = pipeline.autoencoder();
    int channels = autoencoder.config().inChannels();
    if (dataset.channels() != channels) {
      throw new SfumatoException(
          "the pictures have "
              + dataset.channels()
              + " channels, the model takes "
              + channels
              + ": see `channels`");
    }
    int scale = autoencoder.config().reduction();
    for (int i = 0; i < dataset.size(); i++) {
      Size size = dataset.frame(i).size();
      if (size.height() % scale != 0 || size.width() % scale != 0) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "pictures of %s pixels are not a multiple of %d, the size of a latent: see"
                    + " `resolution`",
                size,
                scale));
      }
    }
  }

  private void requireKind() {
    UNet2DConditionConfig unet = pipeline.denoiser().unet().config();
    if (unet.additionEmbedType().isPresent()) {
      throw new SfumatoException(
          "the model is of the kind of Stable Diffusion XL: only Stable Diffusion 1 and 2 can be"
              + " trained");
    }
    if (unet.inChannels() != unet.outChannels()) {
      throw new SfumatoException(
          "the model completes pictures: only models that draw from a text alone can be trained");
    }
  }

  @Override
  public Tensor samples(Batch batch, Draws draws) {
    AutoencoderKL autoencoder = pipeline.autoencoder();
    int scale = autoencoder.config().reduction();
    long[] shape = batch.images().shape();
    long channels = autoencoder.config().latentChannels();
    Tensor noise = draws.normal(channels, shape[2] / scale, shape[3] / scale);
    if (batch.size() == 0) {
      return noise;
    }
    return Scope.run(
        () -> {
          Tensor encoded = moments.of(pictures(batch));
          Posterior posterior =
              new Posterior(encoded.narrow(1, 0, channels), encoded.narrow(1, channels, channels));
          return autoencoder.scale(posterior.at(noise).to(denoiser().device()));
        });
  }

  private static List<Picture> pictures(Batch batch) {
    List<Picture> pictures = new ArrayList<>();
    for (int i = 0; i < batch.size(); i++) {
      boolean moving = batch.crops().get(i).frame().moving();
      pictures.add(new Picture(batch.images().narrow(0, i, 1), moving));
    }
    return pictures;
  }

  /**
   * Returns mean and logarithm of the variance of a picture's latents, (1, 2C, H, W), on the CPU.
   */
  private Tensor moments(Tensor picture) {
    Posterior posterior = pipeline.autoencoder().encode(picture.to(denoiser().device()));
    return Tensor.cat(List.of(posterior.mean(), posterior.logVariance()), 1);
  }

  /** Identifies a picture by its pixels, so flips, crops and changed files need no care. */
  private static Optional<String> key(Picture picture) {
    return picture.moving()
        ? Optional.empty()
        : Optional.of(Fingerprint.of(picture.image().toBytes()));
  }

  /** Identifies a text. A disk keeps captions as they are written, and not with shuffled tags. */
  private Optional<String> key(String text) {
    return cache.kind() != LatentCache.Kind.DISK || known.contains(text)
        ? Optional.of(Fingerprint.of(text))
        : Optional.empty();
  }

  @Override
  public double dropout(Objective objective) {
    return objective.captionDropout();
  }

  @Override
  public Condition condition(Batch batch, boolean[] leftOut) {
    List<String> captions = new ArrayList<>(batch.captions());
    for (int i = 0; i < leftOut.length; i++) {
      if (leftOut[i]) {
        captions.set(i, NO_TEXT);
      }
    }
    return Condition.NONE.withTokens(texts.of(captions).to(denoiser().device()));
  }
}
