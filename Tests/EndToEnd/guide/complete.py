import logging
import time
from arobust.controller.diagnosis import DiagnosisAgent
from your_project.master_client import MasterClient

# 配置日志
logging.basicConfig(level=logging.INFO)

# 1. 创建 Master Client
master_client = MasterClient(
    master_addr="localhost:50051",
    node_id=0,
    node_type="worker"
)

# 2. 创建 DiagnosisAgent
agent = DiagnosisAgent.singleton_instance(
    training_log_file="/var/log/training.log",
    node_rank=0,
    local_world_size=4
)

# 3. 设置 Master Client
agent.set_client(master_client)

# 4. 启动 Agent
agent.start()

# 5. 训练过程中，collectors 会自动收集和上报数据
try:
    # 你的训练代码
    for epoch in range(100):
        train_one_epoch()
        time.sleep(1)
        
except Exception as e:
    # 6. 发生错误时，可以进行故障诊断
    action = agent.diagnose_training_failure(
        failures={"error": str(e)},
        restart_count=0
    )
    print(f"Diagnosis action: {action.action_type.name}")
    
finally:
    # 7. 停止 Agent
    agent.stop()
