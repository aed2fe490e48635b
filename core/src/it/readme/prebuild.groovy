import java.nio.file.Files

// The first Java program of the README, as it stands there, in a class of its own.
File root = basedir.parentFile.parentFile.parentFile
while (!new File(root, "models").directory) {
  root = root.parentFile
}
def program = (new File(root, "README.md").text =~ /(?s)```java\n(.*?)```/)
assert program.find()
def packages = ["guidance", "model", "picture", "pipeline", "sampling", "scheduler", "tensor"]
File source = new File(basedir, "src/main/java/Readme.java")
source.parentFile.mkdirs()
source.text = packages.collect { "import dev.sfumato.${it}.*;\n" }.join() + """import java.nio.file.Path;

public class Readme {
  public static void main(String[] args) throws Exception {
${program.group(1)}
  }
}
"""
Files.createSymbolicLink(new File(basedir, "models").toPath(), new File(root, "models").toPath())
return true
