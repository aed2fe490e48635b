package dev.sfumato.hub;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** A Hub with a pipeline, a cache, and words for what tests do with them. */
public abstract class HubFixture {
  static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";
  static final String CONFIG = "unet/config.json";
  static final HubId ID = HubId.parse("org/name").orElseThrow();

  @TempDir Path cache;
  protected final FakeHub hub = new FakeHub();
  Optional<String> token = Optional.empty();

  protected HubFixture() {
    hub.addPipeline();
  }

  @AfterEach
  void stop() {
    hub.close();
  }

  HubSettings settings(boolean offline, boolean symlinks, Duration timeout) {
    return new HubSettings(hub.endpoint(), cache, token, offline, symlinks, timeout, Duration.ZERO);
  }

  protected Hub online() {
    return new Hub(settings(false, true, Duration.ofSeconds(30)));
  }

  protected Hub offline() {
    return new Hub(settings(true, true, Duration.ofSeconds(30)));
  }

  Path snapshot() {
    return snapshot(online(), ID);
  }

  static Path snapshot(Hub hub, HubId id) {
    return hub.snapshot(id, Kind.MODEL, ModelFiles::pipeline, ProgressListener.NONE);
  }

  String failure() {
    return failure(ID);
  }

  String failure(HubId id) {
    return failure(online(), id);
  }

  static String failure(Hub hub, HubId id) {
    String message = assertThrows(SfumatoException.class, () -> snapshot(hub, id)).getMessage();
    assertThat(message.lines().count()).isEqualTo(1);
    return message;
  }

  void assertWhole(Path snapshot) {
    try {
      assertThat(Files.readAllBytes(snapshot.resolve(WEIGHTS))).isEqualTo(hub.files.get(WEIGHTS));
      assertThat(Files.readAllBytes(snapshot.resolve(CONFIG))).isEqualTo(hub.files.get(CONFIG));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  Path blob(String name) {
    return cache.resolve("models--org--name/blobs").resolve(hub.hash(name));
  }

  Path partial() {
    return blob(WEIGHTS).resolveSibling(hub.hash(WEIGHTS) + ".incomplete");
  }

  void leave(byte[] bytes) throws IOException {
    Files.createDirectories(partial().getParent());
    Files.write(partial(), bytes);
  }

  static List<String> below(Path folder) {
    if (!Files.exists(folder)) {
      return List.of();
    }
    try (Stream<Path> tree = Files.walk(folder)) {
      return tree.filter(Files::isRegularFile)
          .map(file -> folder.relativize(file).toString())
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
