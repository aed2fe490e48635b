package dev.sfumato.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.JsonFile;
import dev.sfumato.pipeline.TinyStableDiffusion;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/** Whole files of every kind, and what to call the program with. */
final class FuzzSeeds {
  private static final Path RESOURCES = Path.of("../core/src/test/resources");
  private static final String TRAIN =
      "train --data %s --output %s --config %s --resolution 8 --batch-size 4 --threads 1"
          + " --train-timesteps 20 --sample-count 0 --max-steps 1 --log csv --data-threads 1";
  private static final String SAMPLE =
      "sample --model %s --count 1 --steps 2 --scheduler ddim --threads 1 --out %s --save-tensor %s";

  private static final String DRAW =
      "sample --model %s --prompt rose --count 1 --steps 2 --scheduler ddim --height 64 --width 64"
          + " --threads 1 --out %s --save-tensor %s";

  /** A kind of files. */
  enum Kind {
    SAFETENSORS,
    CHECKPOINT,
    CONFIGURATION,
    PICTURE,
    ARCHIVE,
    TABLE,
    IDX,
    RUN,
    TEXT_MODEL,
    SINGLE_FILE,
    LORA
  }

  private final Path root;

  /** The seeds that {@link #make} has put into {@code root}. */
  FuzzSeeds(Path root) {
    this.root = root;
  }

  /** Makes all seeds, with a training of two steps. */
  static FuzzSeeds make(Path root) throws IOException, SQLException {
    Path pictures = Calls.pictures(root.resolve("pictures"), 4);
    Calls.config(root);
    Calls.run(
            TRAIN + " --use-ema --class-conditioning channels",
            pictures,
            root.resolve("run"),
            root.resolve("unet.json"))
        .succeeds();
    copy(RESOURCES.resolve("golden/pipeline/tiny-bin"), root.resolve("bin"));
    Path formats = Files.createDirectories(root.resolve("formats"));
    try (Stream<Path> files = Files.list(RESOURCES.resolve("pictures"))) {
      for (Path file : files.filter(f -> !f.toString().endsWith(".md")).toList()) {
        Files.copy(file, formats.resolve(file.getFileName()));
      }
    }
    archives(pictures, Files.createDirectories(root.resolve("archives")));
    tables(pictures, Files.createDirectories(root.resolve("tables")));
    Path idx = Files.createDirectories(root.resolve("idx"));
    Files.write(
        idx.resolve("train-images-idx3-ubyte"),
        ByteBuffer.allocate(16 + 4 * 64).putInt(0x803).putInt(4).putInt(8).putInt(8).array());
    Files.write(
        idx.resolve("train-labels-idx1-ubyte"),
        ByteBuffer.allocate(8 + 4).putInt(0x801).putInt(4).array());
    textToImage(root);
    return new FuzzSeeds(root);
  }

  private static void textToImage(Path root) throws IOException {
    TinyStableDiffusion.write(root.resolve("rose"), "sd1");
    JsonNode families =
        JsonFile.MAPPER.readTree(RESOURCES.resolve("golden/single_files.json").toFile());
    for (JsonNode family : families.get("families")) {
      if (family.get("name").textValue().equals("one")) {
        TinyStableDiffusion.write(root.resolve("whole"), family);
      }
    }
    Path file = Files.createDirectories(root.resolve("single")).resolve("one.safetensors");
    Calls.run("convert --model %s --output %s", root.resolve("whole"), file).succeeds();
    Path loras = Files.createDirectories(root.resolve("loras"));
    for (String name : List.of("sd1_peft", "sd1_kohya", "sd1_old")) {
      Path lora = RESOURCES.resolve("golden/lora/" + name + ".safetensors");
      Files.copy(lora, loras.resolve(lora.getFileName()));
    }
  }

  private static void archives(Path pictures, Path folder) throws IOException {
    List<Path> files = sorted(pictures);
    try (ZipOutputStream zip =
        new ZipOutputStream(Files.newOutputStream(folder.resolve("a.zip")))) {
      for (Path file : files) {
        zip.putNextEntry(new ZipEntry(pictures.relativize(file).toString()));
        zip.write(Files.readAllBytes(file));
      }
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
      for (Path file : files) {
        tar.putArchiveEntry(new TarArchiveEntry(file, pictures.relativize(file).toString()));
        Files.copy(file, tar);
        tar.closeArchiveEntry();
      }
    }
    Files.write(folder.resolve("a.tar"), bytes.toByteArray());
    try (OutputStream gzip =
        new GZIPOutputStream(Files.newOutputStream(folder.resolve("a.tar.gz")))) {
      gzip.write(bytes.toByteArray());
    }
  }

  private static void tables(Path pictures, Path folder) throws IOException, SQLException {
    StringBuilder csv = new StringBuilder("file_name,label,text\n");
    StringBuilder jsonl = new StringBuilder();
    for (Path file : sorted(pictures)) {
      String name = pictures.relativize(file).toString();
      csv.append(name).append(",1,\"a, picture\"\n");
      jsonl.append("{\"file_name\": \"%s\", \"label\": 1, \"text\": \"x\"}%n".formatted(name));
    }
    Files.writeString(folder.resolve("metadata.csv"), csv);
    Files.writeString(folder.resolve("metadata.jsonl"), jsonl);
    try (Connection duckdb = DriverManager.getConnection("jdbc:duckdb:")) {
      duckdb
          .createStatement()
          .execute(
              "COPY (SELECT content AS image, 1 AS label, 'x' AS text FROM read_blob('%s/*/*.png'))"
                      .formatted(pictures)
                  + " TO '%s' (FORMAT parquet)".formatted(folder.resolve("a.parquet")));
    }
  }

  /** Puts a damaged file with what belongs to it into {@code folder}; returns the call. */
  List<String> damage(Kind kind, Path folder, Random random) throws IOException {
    Path out = folder.resolve("out");
    return switch (kind) {
      case SAFETENSORS -> {
        Path model = copy(root.resolve("run"), folder.resolve("model"));
        Path file = pick(random, model, "unet/.*safetensors|class_conditioning/.*safetensors");
        Files.write(file, Mutation.ofSafetensors(Files.readAllBytes(file), random));
        yield Calls.words(
            SAMPLE + " --class 0", model, folder.resolve("x.png"), folder.resolve("x.safetensors"));
      }
      case CHECKPOINT -> {
        Path model = copy(root.resolve("bin"), folder.resolve("model"));
        mutate(pick(random, model, ".*bin"), random);
        yield Calls.words(SAMPLE, model, folder.resolve("x.png"), folder.resolve("x.safetensors"));
      }
      case CONFIGURATION -> {
        Path model = copy(root.resolve("run"), folder.resolve("model"));
        mutate(
            pick(random, model, "model_index.json|(unet|scheduler|class_conditioning)/.*json"),
            random);
        yield Calls.words(
            SAMPLE + " --class 0", model, folder.resolve("x.png"), folder.resolve("x.safetensors"));
      }
      case PICTURE -> {
        Path data = Files.createDirectories(folder.resolve("data"));
        Path from = pick(random, root.resolve("formats"), ".*");
        mutate(Files.copy(from, data.resolve(from.getFileName().toString())), random);
        yield train(data, out);
      }
      case ARCHIVE -> {
        Path from = pick(random, root.resolve("archives"), ".*");
        yield train(
            mutate(Files.copy(from, folder.resolve(from.getFileName().toString())), random), out);
      }
      case TABLE -> {
        Path from = pick(random, root.resolve("tables"), ".*");
        Path data = copy(root.resolve("pictures"), folder.resolve("data"));
        boolean isParquet = from.toString().endsWith(".parquet");
        Path to = (isParquet ? folder : data).resolve(from.getFileName().toString());
        mutate(Files.copy(from, to), random);
        yield train(isParquet ? to : data, out);
      }
      case IDX -> {
        Path data = copy(root.resolve("idx"), folder.resolve("data"));
        mutate(pick(random, data, ".*"), random);
        yield train(data, out);
      }
      case RUN -> {
        Path run = copy(root.resolve("run"), folder.resolve("run"));
        Path file = pick(random, run, "(config.json|.*csv|checkpoints/[^/]*/[^/]*)");
        mutate(file, random);
        yield Calls.words("train --resume --output %s --max-steps 2", run);
      }
      case TEXT_MODEL -> {
        Path model = copy(root.resolve("rose"), folder.resolve("model"));
        mutate(pick(random, model, ".*"), random);
        yield draw(model, folder);
      }
      case SINGLE_FILE -> {
        Path file = folder.resolve("one.safetensors");
        mutate(Files.copy(root.resolve("single/one.safetensors"), file), random);
        yield draw(file, folder);
      }
      case LORA -> {
        Path from = pick(random, root.resolve("loras"), ".*");
        Path lora = mutate(Files.copy(from, folder.resolve("lora.safetensors")), random);
        List<String> call = draw(root.resolve("rose"), folder);
        call.addAll(List.of("--lora", lora.toString()));
        yield call;
      }
    };
  }

  private static List<String> draw(Path model, Path folder) {
    return Calls.words(DRAW, model, folder.resolve("x.png"), folder.resolve("x.safetensors"));
  }

  private List<String> train(Path data, Path out) {
    return Calls.words(TRAIN, data, out, root.resolve("unet.json"));
  }

  private static Path mutate(Path file, Random random) throws IOException {
    boolean isText = file.toString().matches(".*\\.(json|jsonl|csv)");
    byte[] content = Files.readAllBytes(file);
    return Files.write(
        file,
        file.toString().endsWith(".safetensors")
            ? Mutation.ofSafetensors(content, random)
            : Mutation.of(content, isText, random));
  }

  private static Path pick(Random random, Path folder, String pattern) {
    List<Path> files =
        sorted(folder).stream()
            .filter(file -> folder.relativize(file).toString().matches(pattern))
            .toList();
    return files.get(random.nextInt(files.size()));
  }

  private static List<Path> sorted(Path folder) {
    return Calls.files(folder).stream()
        .map(folder::resolve)
        .sorted(Comparator.naturalOrder())
        .toList();
  }

  private static Path copy(Path from, Path to) {
    try {
      for (Path file : Calls.files(from)) {
        Files.createDirectories(to.resolve(file).getParent());
        Files.copy(from.resolve(file), to.resolve(file));
      }
      return to;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
