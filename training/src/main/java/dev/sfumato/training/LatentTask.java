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
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Latents of a frozen autoencoder, and captions read by a frozen text encoder. */
final class LatentTask implements DenoisingTask {
  private static final String NO_TEXT = "";

  private final StableDiffusionPipeline pipeline;
  private final RowCache<Tensor> moments;
  private final RowCache<String> texts;

  /**
   * @param cached whether encoded pictures and captions are kept for the next epochs
   */
  LatentTask(StableDiffusionPipeline pipeline, boolean cached) {
    this.pipeline = pipeline;
    moments = new RowCache<>(cached, LatentTask::hash, this::moments);
    texts = new RowCache<>(cached, text -> text, text -> pipeline.tokens(List.of(text)));
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
          Tensor known = moments.of(pictures(batch.images()));
          Posterior posterior =
              new Posterior(known.narrow(1, 0, channels), known.narrow(1, channels, channels));
          return autoencoder.scale(posterior.at(noise).to(denoiser().device()));
        });
  }

  private static List<Tensor> pictures(Tensor images) {
    List<Tensor> pictures = new ArrayList<>();
    for (long i = 0; i < images.size(0); i++) {
      pictures.add(images.narrow(0, i, 1));
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
  private static Object hash(Tensor picture) {
    try {
      return ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(picture.toBytes()));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e); // every Java has it
    }
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
