package dev.sfumato.clip;

import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A trained CLIP model: it maps pictures and texts to vectors of unit length, whose products are
 * cosine similarities. Its weights are frozen; gradients go through {@link #encodeImage} to the
 * pixels.
 *
 * <pre>{@code
 * try (Scope scope = Scope.open();
 *     ClipModel clip = ClipModel.load(directory)) {
 *   Tensor images = clip.encodeImage(clip.preprocess(List.of(PictureReader.read(file))));
 *   Tensor texts = clip.encodeText(List.of("a red rose", "a blue car"));
 *   Tensor similarity = Functional.matmul(images, texts.transpose(0, 1)); // (1, 2)
 * }
 * }</pre>
 *
 * @param network the two encoders
 * @param tokenizer splits texts into tokens
 * @param preprocessing prepares pictures
 */
public record ClipModel(
    ClipNetwork network, ClipTokenizer tokenizer, ImagePreprocessing preprocessing)
    implements AutoCloseable {
  private static final System.Logger log = System.getLogger(ClipModel.class.getName());

  /**
   * Loads a model: a directory in transformers' or open_clip's layout, or one of OpenAI's files.
   *
   * @throws SfumatoException naming the file or option that is missing or not supported
   */
  public static ClipModel load(Path path) {
    return ClipFiles.of(path).load();
  }

  /** Freezes the weights, so their gradients are not computed. */
  public ClipModel {
    network.trainable().forEach(weight -> weight.requiresGrad(false));
    int known = network.config().text().vocabSize();
    if (tokenizer.size() > known) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the tokenizer has %d tokens, but the model knows %d: the model needs its own tokenizer",
              tokenizer.size(),
              known));
    }
  }

  /** Returns the height and width in pixels of the pictures that it reads. */
  public int imageSize() {
    return network.config().image().imageSize();
  }

  /** Returns the number of layers of the image encoder, for {@link ClipNetwork#imageLayers}. */
  public int layerCount() {
    return network.config().image().layerCount();
  }

  /**
   * Encodes pictures as vectors of unit length; gradients reach the pixels.
   *
   * @param images (B, 3, S, S) with S the {@link #imageSize}, normalised
   * @return (B, embed_dim)
   * @throws SfumatoException if the pictures have another shape
   */
  public Tensor encodeImage(Tensor images) {
    return Scope.run(() -> Functional.normalize(network.encodeImage(images)));
  }

  /**
   * Encodes texts as vectors of unit length. A long text is cut, with a warning. The vector of a
   * text without tokens (see {@link ClipTokenizer#tokenize}) has no meaning.
   *
   * @return (B, embed_dim)
   * @throws SfumatoException if a vector is not finite
   */
  public Tensor encodeText(List<String> texts) {
    texts.forEach(this::warnIfCut);
    return Scope.run(
        () -> {
          Tensor ids = tokenizer.encode(texts, network.config().text().contextLength());
          Tensor vectors = network.encodeText(ids);
          if (!vectors.isFinite()) {
            throw new SfumatoException(
                "the CLIP model's vectors of texts hold NaN or infinity: its weights or settings"
                    + " are damaged");
          }
          return Functional.normalize(vectors);
        });
  }

  private void warnIfCut(String text) {
    int room = network.config().text().contextLength() - 2; // without begin and end
    int tokens = tokenizer.tokenize(text).size();
    if (tokens > room) {
      log.log(
          System.Logger.Level.WARNING,
          "the text '"
              + Printable.shortened(text)
              + ("' has " + tokens + " tokens: the model reads the first ")
              + (room + ", the rest is cut off"));
    }
  }

  /** Prepares pictures of any size for {@link #encodeImage}, on the model's device. */
  public Tensor preprocess(List<Pixels> pictures) {
    return Scope.run(() -> preprocessing.apply(pictures).to(network.logitScale().device()));
  }

  /** Returns the factor of cosine similarities before a softmax over texts. */
  public double logitScale() {
    return Math.exp(network.logitScale().item());
  }

  /** Sets the arithmetic of this model from now on; the default is fp32. */
  public void precision(Precision precision) {
    network.precision(precision);
  }

  /** Moves the weights to {@code device}. */
  public void to(Device device) {
    network.to(device);
  }

  /**
   * Writes a network in open_clip's layout, each file whole or not at all. No tokenizer is written:
   * the network uses the one that ships with Sfumato.
   *
   * @throws SfumatoException naming the file that cannot be written
   */
  public static void save(ClipNetwork network, ImagePreprocessing preprocessing, Path directory) {
    write(network, OpenClipConfig.write(network.config()), preprocessing, directory);
  }

  /**
   * Writes a network with its own tokenizer, which open_clip loads through transformers.
   *
   * @param tokenizer a {@link ClipTokenizer#small small} or {@link ClipTokenizer#load loaded} one
   * @throws SfumatoException naming the file that cannot be written
   */
  public static void save(
      ClipNetwork network,
      ClipTokenizer tokenizer,
      ImagePreprocessing preprocessing,
      Path directory) {
    write(network, OpenClipConfig.writeOwnTokenizer(network.config()), preprocessing, directory);
    tokenizer.save(directory);
  }

  private static void write(
      ClipNetwork network,
      Map<String, Object> modelConfig,
      ImagePreprocessing preprocessing,
      Path directory) {
    Map<String, Object> preprocess = new LinkedHashMap<>();
    preprocess.put("mean", preprocessing.mean());
    preprocess.put("std", preprocessing.std());
    preprocess.put("resize_mode", preprocessing.squash() ? "squash" : "shortest");
    preprocess.put("interpolation", preprocessing.filter().name().toLowerCase(Locale.ROOT));
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("model_cfg", modelConfig);
    config.put("preprocess_cfg", preprocess);
    JsonFile.write(directory.resolve(ClipFiles.OPEN_CLIP_CONFIG), config);
    Safetensors.write(
        directory.resolve(ClipFiles.OPEN_CLIP_WEIGHTS),
        network.parameters(),
        Map.of("format", "pt"),
        DType.FLOAT32);
  }

  /** Frees the weights. */
  @Override
  public void close() {
    network.close();
  }
}
