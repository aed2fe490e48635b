package dev.sfumato.hub;

import dev.sfumato.SfumatoException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The files of a model or a data set in a repository; each method is a {@link FileChoice}. Weights
 * are taken once: the safetensors file if there is one, and a half-precision variant only if there
 * is nothing else.
 */
public final class ModelFiles {
  /** The start of the names of a U-Net's weights. */
  public static final String UNET_WEIGHTS = "diffusion_pytorch_model";

  private static final String HALF = "fp16";
  private static final List<String> AUTOENCODERS = List.of("vae", "vqvae", "movq");
  private static final String SCHEDULER = "scheduler/scheduler_config.json";
  private static final Set<String> AROUND_A_UNET =
      Set.of(
          "model_index.json",
          "scheduler_config.json",
          SCHEDULER,
          "class_conditioning/config.json",
          "class_conditioning/model.safetensors");

  /** The folder of a text-to-image model's safety checker. */
  public static final String CHECKER = "safety_checker/";

  private static final List<String> CLIP_WEIGHTS =
      List.of(
          "model.safetensors",
          "open_clip_model.safetensors",
          "pytorch_model.bin",
          "open_clip_pytorch_model.bin");
  private static final Set<String> AROUND_CLIP =
      Set.of(
          "preprocessor_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "vocab.json",
          "merges.txt");

  private static final List<String> PICTURES =
      List.of(
          ".jpg",
          ".jpeg",
          ".png",
          ".webp",
          ".gif",
          ".bmp",
          "metadata.jsonl",
          "metadata.csv",
          ".zip",
          ".tar");

  private ModelFiles() {}

  /**
   * Returns the files of a diffusion pipeline: the folders {@code unet}, {@code scheduler} and
   * {@code class_conditioning}, and of a text-to-image pipeline its autoencoder, text encoders,
   * tokenizers and safety checker. Older repositories keep the U-Net and the scheduler's settings
   * in their root.
   *
   * @throws FileChoice.Missing if there is no U-Net
   * @throws SfumatoException if the U-Net draws latents without a text, before any download
   */
  public static List<String> pipeline(List<String> files) {
    return pipeline(files, Optional.empty());
  }

  /** Returns the same with weights of {@code variant} where there are such. */
  public static List<String> pipeline(List<String> files, Optional<String> variant) {
    AUTOENCODERS.stream()
        .filter(folder -> files.contains(folder + "/config.json"))
        .filter(folder -> !(folder.equals("vae") && drawsFromTexts(files)))
        .forEach(
            folder -> {
              throw new SfumatoException(
                  "has a "
                      + folder
                      + ", which is not supported: only models that draw pixels or draw from texts are");
            });
    boolean inRoot = files.contains("config.json") && !files.contains("unet/config.json");
    String unet = inRoot ? "" : "unet/";
    List<String> chosen = new ArrayList<>();
    chosen.add(required(files, unet + "config.json"));
    chosen.addAll(weights(files, unet + UNET_WEIGHTS, variant));
    if (!inRoot) {
      required(files, SCHEDULER);
    }
    files.stream().filter(AROUND_A_UNET::contains).forEach(chosen::add);
    chosen.addAll(aroundLatents(files, variant));
    return chosen;
  }

  /**
   * Returns the files of an autoencoder: those of the folder {@code vae}, or of the root.
   *
   * @throws FileChoice.Missing if there is none
   */
  public static List<String> autoencoder(List<String> files) {
    String folder = files.contains("vae/config.json") ? "vae/" : "";
    List<String> chosen = new ArrayList<>(List.of(required(files, folder + "config.json")));
    chosen.addAll(weights(files, folder + UNET_WEIGHTS, Optional.empty()));
    return chosen;
  }

  /**
   * Returns the file of a LoRA, with its settings if there are some: the one of the usual name, or
   * the only one.
   *
   * @throws FileChoice.Missing if there is none, or several
   */
  public static List<String> lora(List<String> files) {
    List<String> weights =
        files.stream().filter(f -> !f.contains("/") && f.endsWith(".safetensors")).toList();
    List<String> usual = List.of("pytorch_lora_weights.safetensors", "adapter_model.safetensors");
    if (weights.size() > 1 && usual.stream().noneMatch(files::contains)) {
      throw new FileChoice.Missing(
          String.format(
              Locale.ROOT,
              "%s but %d others, such as %s: download the one you want and give its path",
              usual.get(0),
              weights.size(),
              weights.get(0)));
    }
    String first = weights.size() == 1 ? weights.get(0) : required(files, usual);
    return Stream.of(first, "adapter_config.json").filter(files::contains).toList();
  }

  private static boolean drawsFromTexts(List<String> files) {
    return files.contains("text_encoder/config.json")
        || files.contains("text_encoder_2/config.json"); // the refiner of XL has the second alone
  }

  private static List<String> aroundLatents(List<String> files, Optional<String> variant) {
    List<String> chosen = new ArrayList<>();
    for (String folder : List.of("vae/", "text_encoder/", "text_encoder_2/", CHECKER)) {
      if (files.contains(folder + "config.json")) {
        chosen.add(folder + "config.json");
        String stem =
            Stream.of(UNET_WEIGHTS, "model", "pytorch_model")
                .map(folder::concat)
                .filter(name -> weights(name).stream().anyMatch(files::contains))
                .findFirst()
                .orElseThrow(() -> new FileChoice.Missing(folder + "model.safetensors"));
        chosen.addAll(weights(files, stem, variant));
      }
    }
    files.stream()
        .filter(file -> file.matches("(tokenizer(_2)?|feature_extractor)/.*"))
        .filter(file -> AROUND_CLIP.contains(file.substring(file.indexOf('/') + 1)))
        .forEach(chosen::add);
    return chosen;
  }

  /**
   * Returns the possible names of a network's weights, the preferred one first: one file or the
   * index of several, safetensors or a PyTorch checkpoint, in full precision or half.
   *
   * @param stem the start of the names, such as {@link #UNET_WEIGHTS} or {@code model}
   */
  public static List<String> weights(String stem) {
    return weights(stem, Optional.empty());
  }

  /**
   * Returns the possible names of a network's weights if a variant of them, such as {@code fp16},
   * is preferred.
   */
  public static List<String> weights(String stem, Optional<String> variant) {
    Stream<String> plain =
        Stream.of(".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json");
    return Stream.of(variant.stream().flatMap(ModelFiles::ofVariant), plain, ofVariant(HALF))
        .flatMap(endings -> endings)
        .distinct()
        .map(stem::concat)
        .toList();
  }

  private static Stream<String> ofVariant(String variant) {
    return Stream.of(
            ".V.safetensors",
            ".safetensors.index.V.json",
            ".V.safetensors.index.json",
            ".V.bin",
            ".bin.index.V.json",
            ".V.bin.index.json")
        .map(ending -> ending.replace("V", variant));
  }

  /** Returns the preferred one of these and, for an index, the files that match its names. */
  private static List<String> weights(List<String> files, String stem, Optional<String> variant) {
    String first = required(files, weights(stem, variant));
    List<String> chosen = new ArrayList<>(List.of(first));
    if (first.endsWith(".json")) {
      String asked = variant.filter(first::contains).orElse(HALF);
      String half = (first.contains(asked) ? "(?=.*" : "(?!.*") + Pattern.quote(asked) + ")";
      String kind = first.contains(".safetensors") ? ".safetensors" : ".bin";
      Pattern shard =
          Pattern.compile(
              half + Pattern.quote(stem) + "[\\w.]*-\\d+-of-\\d+[\\w.]*" + Pattern.quote(kind));
      files.stream().filter(file -> shard.matcher(file).matches()).forEach(chosen::add);
    }
    return chosen;
  }

  /**
   * Returns the files of a CLIP model and its tokenizer, in transformers' layout or open_clip's;
   * only one layout if a repository has both.
   *
   * @throws FileChoice.Missing if there is no CLIP model
   */
  public static List<String> clip(List<String> files) {
    String weights = required(files, CLIP_WEIGHTS);
    String config = weights.startsWith("open_clip") ? "open_clip_config.json" : "config.json";
    List<String> chosen = new ArrayList<>(List.of(required(files, config), weights));
    files.stream().filter(AROUND_CLIP::contains).forEach(chosen::add);
    return chosen;
  }

  /**
   * Returns the files of a data set of pictures: Parquet files if there are any, otherwise
   * pictures, their metadata, and archives.
   *
   * @throws FileChoice.Missing if there are neither
   */
  public static List<String> dataset(List<String> files) {
    List<String> parquet = endingWith(List.of(".parquet"), files);
    List<String> chosen = parquet.isEmpty() ? endingWith(PICTURES, files) : parquet;
    if (chosen.isEmpty()) {
      throw new FileChoice.Missing("Parquet file or picture");
    }
    return chosen;
  }

  private static List<String> endingWith(List<String> endings, List<String> files) {
    return files.stream()
        .filter(file -> endings.stream().anyMatch(file.toLowerCase(Locale.ROOT)::endsWith))
        .toList();
  }

  private static String required(List<String> files, String name) {
    return required(files, List.of(name));
  }

  /** Returns the first of {@code names} that exists. */
  private static String required(List<String> files, List<String> names) {
    return names.stream()
        .filter(files::contains)
        .findFirst()
        .orElseThrow(() -> new FileChoice.Missing(names.get(0)));
  }
}
