from arobust.controller.diagnosis import DiagnosisAgent
from your_master_client import MasterClient  # 你的 Master Client 实现

# 创建 Master Client
master_client = MasterClient(master_addr="localhost:50051")

# 创建并配置 DiagnosisAgent
agent = DiagnosisAgent.singleton_instance(
    training_log_file="/path/to/training.log",
    node_rank=0
)

# 设置 Master Client（会自动传递给所有 collectors）
agent.set_client(master_client)

# 启动 agent（此时所有 collectors 都已配置好 client）
agent.start()
